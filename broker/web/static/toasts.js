// Answers of commands: in view until a person closes them, also after the page was loaded again.

const KEY = "toasts";
const MOST = 20;
const box = document.getElementById("said");
let before = null; // what had the focus before it went to a toast

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) || "[]");
  } catch {
    return []; // storage is not allowed here: toasts last as long as the page
  }
}

function keep(toasts) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(toasts));
  } catch {
    // As above.
  }
}

// The regions that are announced stand in the page from the start: one that comes with its words
// is not announced by every screen reader.
export function announce(words, wrong = false) {
  const region = document.getElementById(wrong ? "announced-now" : "announced");
  const each = document.createElement("p");
  each.textContent = words;
  region.replaceChildren(each);
}

function close(item, number) {
  keep(kept().filter((each) => each.number !== number));
  const focused = item.contains(document.activeElement);
  const next = item.nextElementSibling || item.previousElementSibling;
  item.remove();
  box.hidden = box.childElementCount === 0;
  if (!focused) return;
  const target = next ? next.querySelector("button") : before;
  (target && target.isConnected ? target : document.getElementById("content")).focus({ preventScroll: true });
}

function show({ words, wrong, number, clock }) {
  const item = document.createElement("li");
  item.className = wrong ? "toast wrong" : "toast";
  const text = document.createElement("p");
  const kind = document.createElement("strong");
  const unknown = words.includes("not known whether");
  kind.textContent = unknown ? "Not known" : wrong ? "Not done" : "Done";
  const when = document.createElement("small");
  when.textContent = ` ${clock}`;
  const said = document.createElement("span");
  said.textContent = localWords(words);
  text.append(kind, when, document.createElement("br"), " ", said);
  // An earlier answer takes one line until it is pressed.
  text.addEventListener("click", () => item.classList.add("unfolded"));
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Close";
  button.setAttribute("aria-label", `Close: ${words}`);
  button.addEventListener("click", () => close(item, number));
  item.append(text, button);
  box.prepend(item);
  box.hidden = false;
}

export function tell(text, wrong = false) {
  const words = text.replaceAll("`", "");
  const toasts = kept();
  const number = 1 + Math.max(0, ...toasts.map((each) => each.number));
  const toast = { words, wrong, number, clock: moment(new Date()) };
  keep([...toasts, toast].slice(-MOST));
  show(toast);
  while (box.childElementCount > MOST) box.lastElementChild.remove();
  announce(words, wrong);
}

// What is scrolled to, as by the focus, is not hidden behind them.
function makeRoom() {
  const shown = !box.hidden || !document.getElementById("lost").hidden;
  const height = `${shown ? box.parentElement.offsetHeight : 0}px`;
  document.documentElement.style.scrollPaddingBottom = height;
  document.getElementById("content").style.marginBottom = height;
}

export function showKept() {
  new ResizeObserver(makeRoom).observe(box.parentElement);
  // What the server has put there for a browser without scripts.
  const served = [...box.querySelectorAll(".served")].map((each) => [
    each.querySelector("span").textContent,
    each.classList.contains("wrong"),
  ]);
  box.replaceChildren();
  for (const each of kept()) show(each);
  for (const [words, wrong] of served) tell(words, wrong);
  box.addEventListener("focusin", (event) => {
    if (!box.contains(event.relatedTarget)) before = event.relatedTarget;
  });
  // The next person at this window does not read what this one was answered.
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action") === "/sign-out") keep([]);
  });
}
