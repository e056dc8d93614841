// Keeps the overview live, sends commands without leaving the page, and counts ages.
"use strict";
document.documentElement.classList.add("js");

const said = document.getElementById("said");
const lost = document.getElementById("lost");

function tell(words, wrong) {
  said.textContent = words && localWords(words).replaceAll("`", "");
  said.classList.toggle("wrong", Boolean(wrong));
  said.hidden = !words;
}

function age(seconds) {
  const number = Math.max(0, Math.floor(seconds));
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60]]) {
    if (number >= size) return Math.floor(number / size) + unit;
  }
  return number + "s";
}

// The server's clock counts, not this machine's.
let ahead = 0;
function countAges() {
  const now = Date.now() / 1000 + ahead;
  for (const each of document.querySelectorAll("time[data-at]")) {
    const words = age(now - Number(each.dataset.at));
    if (each.textContent !== words) each.textContent = words;
  }
}
setInterval(countAges, 1000);

function plain(element) {
  const copy = element.cloneNode(true);
  for (const each of copy.querySelectorAll("time")) each.textContent = "";
  for (const each of copy.querySelectorAll("img[data-src]")) each.remove();
  for (const each of copy.querySelectorAll("details[open]")) each.removeAttribute("open");
  return copy.outerHTML;
}

// A row that a person is choosing something in stays until it is left.
function inUse(row) {
  const active = document.activeElement;
  return row.contains(active) && (active.tagName === "SELECT" || active.tagName === "INPUT");
}

function place(fresh, old) {
  if (!old) return fresh;
  if (inUse(old) || plain(fresh) === plain(old)) return old;
  const active = document.activeElement;
  const focus = old.contains(active) ? [active.tagName, active.name, active.value] : null;
  for (const each of old.querySelectorAll("details[open]")) {
    const same = fresh.querySelector(`details[data-key="${each.dataset.key}"]`);
    if (same) same.open = true;
  }
  old.replaceWith(fresh);
  if (focus) {
    const [tag, name, value] = focus;
    const found = [...fresh.querySelectorAll(tag)].find((each) => each.name === name && each.value === value);
    (found || fresh.querySelector("a, button") || document.getElementById("content")).focus({ preventScroll: true });
  }
  return fresh;
}

function show(region, html) {
  const box = document.getElementById(region);
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const table = box.querySelector("table");
  const fresh = holder.content.querySelector("table");
  if (!table || !fresh) {
    box.replaceChildren(holder.content);
    return;
  }
  const old = new Map([...table.tBodies].map((each) => [each.id, each]));
  let last = table.tHead;
  for (const body of [...fresh.tBodies]) {
    const row = place(body, old.get(body.id));
    old.delete(body.id);
    if (last.nextElementSibling !== row) last.after(row);
    last = row;
  }
  for (const each of old.values()) each.remove();
  const pages = box.querySelector("nav");
  const others = holder.content.querySelector("nav");
  if (pages && others && plain(pages) !== plain(others)) pages.replaceWith(others);
}

const live = document.getElementById("live");
const PATIENCE_MS = 40000;
// For the first word: a connection may wait in the queue of a server that has ended meanwhile.
const FIRST_WORD_MS = 10000;
const FIRST_MS = 2000, LONGEST_MS = 10000;
let againMs = FIRST_MS;

function follow() {
  const source = new EventSource(live.dataset.events);
  let alarm = setTimeout(() => gone(), FIRST_WORD_MS);
  const heard = () => {
    lost.hidden = true;
    againMs = FIRST_MS;
    live.classList.remove("stale");
    clearTimeout(alarm);
    alarm = setTimeout(gone, PATIENCE_MS);
  };
  const gone = () => {
    lost.hidden = false;
    live.classList.add("stale");
    clearTimeout(alarm);
    source.close();
    setTimeout(follow, againMs);
    againMs = Math.min(2 * againMs, LONGEST_MS);
  };
  source.addEventListener("open", heard);
  source.addEventListener("overview", (event) => {
    heard();
    const news = JSON.parse(event.data);
    ahead = news.now - Date.now() / 1000;
    for (const region of ["broker", "printers", "jobs"]) {
      if (region in news) show(region, news[region]);
    }
    live.dataset.version = news.version;
    countAges();
  });
  source.addEventListener("still", heard);
  source.addEventListener("signed-out", () => { source.close(); location.reload(); });
  source.addEventListener("error", gone);
  window.addEventListener("pagehide", () => { clearTimeout(alarm); source.close(); });
}
if (live) follow();
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter;
  if (!form.classList.contains("commands") || !button) return;
  event.preventDefault();
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  const body = new URLSearchParams(new FormData(form));
  body.set(button.name, button.value);
  if (button.dataset.reason) {
    const reason = prompt(button.dataset.reason, "");
    if (reason === null) return;
    body.set("reason", reason);
  }
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const found = await answer.json();
    tell(found.words || found.error, !answer.ok);
    if (answer.status === 401) location.reload();
    if (answer.ok && !live) setTimeout(() => location.reload(), 400);
  } catch (error) {
    tell("The broker did not answer: it is not known whether the command was carried out. Look at the rows, then try again.", true);
  } finally {
    button.disabled = false;
  }
});
