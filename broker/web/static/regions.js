// The regions of a page that is live. What is under a pointer, a finger or the focus keeps its place:
// there only words change, and what would move something waits until it is left.

import { asking } from "./confirm.js";
import { copyOf, morph, morphChildren, plain } from "./morph.js";
import { showTimes } from "./times.js";
import { announce } from "./toasts.js";

// A pointer that was left lying on a table, and a focus that was left there, keep it no longer.
const REST_MS = 60000;
const FINGER_MS = 2000;
// A person at the keyboard is shown what their command has changed: the focus moves with its row.
const ANSWER_MS = 3000;
// After rows have moved under a resting pointer, a press was meant for what stood there before.
const SURPRISE_MS = 1000;

const waiting = new Map(); // region: what was received last, and what of it was shown already
const refused = new Set(); // addresses of forms whose last command was refused
const note = document.getElementById("waiting");
let pointer = "";
let active = performance.now(); // when a pointer or a key was last used
let answered = -ANSWER_MS; // when a command was carried out
let finger = { box: null, until: 0 };
let surprised = { box: null, at: -SURPRISE_MS };

function boxOf(element) {
  return element instanceof Element ? element.closest("[data-region]") : null;
}

function focusIn(box) {
  const element = document.activeElement;
  if (!box.contains(element) || performance.now() - answered < ANSWER_MS) return false;
  // A pointer leaves the focus on what it pressed last: that is no sign of a person there.
  return element.matches(":focus-visible, select, input, textarea");
}

function under(box) {
  return pointer !== "touch" && box.matches(":hover");
}

function held(box) {
  if (!box.querySelector("form, button, tbody a")) return false;
  if (asking()) return true; // its form is asked about, or the one beside it
  const now = performance.now();
  if (finger.box === box && now < finger.until) return true;
  return now - active < REST_MS && (under(box) || focusIn(box));
}

function regions() {
  return [...document.querySelectorAll("[data-region]")];
}

function parsed(box, html) {
  const fresh = copyOf(box, false);
  fresh.innerHTML = html;
  return fresh;
}

// The parts that are compared one by one: the rows of a table, or all.
function parts(box) {
  const rows = [...box.querySelectorAll("tbody")];
  return rows.length && rows.every((each) => each.id) ? rows : [box];
}

// Columns keep their widths while a table is held: longer words would move the buttons beside them.
function lock(box, on) {
  for (const table of box.querySelectorAll("table")) {
    const heads = [...table.querySelectorAll("thead th")];
    const locked = table.style.tableLayout === "fixed";
    if (on === locked || (on && getComputedStyle(table).display !== "table")) continue;
    const widths = heads.map((each) => (on ? `${each.getBoundingClientRect().width}px` : ""));
    heads.forEach((each, index) => { each.style.width = widths[index]; });
    table.style.tableLayout = on ? "fixed" : "";
  }
}

function places(box) {
  const { left, top } = box.getBoundingClientRect();
  return [...box.querySelectorAll("tbody, .commands button, .commands summary, .commands select")]
    .map((each) => each.getBoundingClientRect())
    .map((each) => [each.left - left, each.top - top, each.width, each.height].map(Math.round).join())
    .join(" ");
}

function buttons(part) {
  return [...part.querySelectorAll("form button")].map((each) => `${each.value} ${each.textContent}`).join();
}

function disable(part, on) {
  for (const each of part.querySelectorAll("form button")) {
    if (on) each.setAttribute("aria-disabled", "true");
    else each.removeAttribute("aria-disabled");
  }
}

function refreshForms(part, other) {
  for (const form of part.querySelectorAll("form.commands")) {
    const fresh = other.querySelector(`form.commands[action="${CSS.escape(form.getAttribute("action"))}"]`);
    if (fresh && refused.delete(form.action)) morph(form, fresh);
  }
}

// New words, where they move nothing; how much waits.
function showWords(box, fresh) {
  const news = new Map(parts(fresh).map((each) => [each.id, each]));
  const olds = parts(box);
  let number = [...news.keys()].filter((id) => !olds.some((each) => each.id === id)).length;
  for (const part of olds) {
    const other = news.get(part.id);
    part.classList.toggle("gone", !other);
    disable(part, !other || buttons(part) !== buttons(other));
    if (!other) {
      number += 1;
    } else if (plain(part) !== plain(other)) {
      const before = places(box);
      const copy = copyOf(part);
      morph(part, other, true);
      if (places(box) !== before) morph(part, copy, true);
      if (buttons(part) === buttons(other)) refreshForms(part, other);
      if (plain(part) !== plain(other)) number += 1;
    }
  }
  const order = (all) => all.map((each) => each.id).join();
  return number || Number(order(olds) !== order([...news.values()]));
}

// A short page is made longer meanwhile: there is nothing to scroll else.
function scrollAlong(moved) {
  if (Math.abs(moved) < 1) return;
  const { body } = document;
  const longer = Math.ceil(window.innerHeight + window.scrollY + moved);
  if (body.offsetHeight < longer) body.style.minHeight = `${longer}px`;
  window.scrollBy({ top: moved, behavior: "instant" });
}

// All of it. What is held elsewhere on the page stays where it is in the window.
function showAll(box, fresh) {
  const focused = document.activeElement;
  const part = box.contains(focused) ? focused.closest("tbody, [id]") : null;
  const kept = regions().find((each) => each !== box && held(each));
  const top = kept?.getBoundingClientRect().top;
  if (kept) box.style.minHeight = `${box.offsetHeight}px`;
  for (const each of box.querySelectorAll(".gone")) each.classList.remove("gone");
  disable(box, false);
  for (const each of box.querySelectorAll("form.commands")) refused.delete(each.action);
  morphChildren(box, fresh);
  if (kept) scrollAlong(kept.getBoundingClientRect().top - top);
  if (part && document.activeElement !== focused) {
    const row = document.getElementById(part.id);
    const target = focused.isConnected ? focused : row?.querySelector("a, button");
    (target || document.getElementById("content")).focus({ preventScroll: true });
  }
}

function settle() {
  const all = regions();
  const still = all.filter(held);
  document.documentElement.classList.toggle("holding", still.length > 0);
  if (!still.length) for (const each of [document.body, ...all]) each.style.minHeight = "";
  for (const each of all) lock(each, still.includes(each));
  for (const [name, news] of waiting) {
    const box = document.getElementById(name);
    if (still.includes(box)) {
      news.number ??= showWords(box, parsed(box, news.html));
      if (news.number) continue;
    } else {
      const before = places(box);
      showAll(box, parsed(box, news.html));
      const resting = under(box) || focusIn(box);
      if (resting && places(box) !== before) surprised = { box, at: performance.now() };
    }
    waiting.delete(name);
  }
  showTimes();
  tellWaiting();
}

function tellWaiting() {
  const number = [...waiting.values()].reduce((sum, each) => sum + (each.number || 0), 0);
  const hovered = regions().some((each) => under(each));
  const until = hovered ? "the pointer leaves" : "the focus leaves, or with Escape";
  const words = number
    ? `${number} ${number === 1 ? "change waits; it shows" : "changes wait; they show"} when ${until}.`
    : "";
  if (note.textContent === words) return;
  if (note.hidden && words) announce(words);
  note.textContent = words;
  note.hidden = !words;
}

export function receive(news) {
  for (const [name, html] of Object.entries(news)) {
    if (typeof html === "string" && document.getElementById(name)) waiting.set(name, { html });
  }
  settle();
}

// A command of that form was refused: it may be sent again, with what the row says now.
export function refresh(address) {
  refused.add(address);
  for (const news of waiting.values()) delete news.number;
  settle();
}

// A command of this page was carried out: its change comes with the next news.
export function expectChange() {
  answered = performance.now();
  settle();
}

export function movedJustNow(form) {
  return surprised.box === boxOf(form) && performance.now() - surprised.at < SURPRISE_MS;
}

export function keepPlaces() {
  const used = (event) => {
    pointer = event.pointerType || pointer;
    active = performance.now();
  };
  const soon = () => setTimeout(settle, 0);
  for (const each of ["pointermove", "pointerdown"]) document.addEventListener(each, used, { passive: true });
  document.addEventListener("keydown", (event) => {
    used(event);
    const box = boxOf(document.activeElement);
    if (event.key !== "Escape" || asking() || !box) return;
    active = -REST_MS;
    settle();
    active = performance.now();
  });
  document.addEventListener("touchstart", (event) => {
    finger = { box: boxOf(event.target), until: Infinity };
  }, { passive: true });
  for (const each of ["touchend", "touchcancel"]) {
    document.addEventListener(each, () => {
      finger.until = performance.now() + FINGER_MS;
    }, { passive: true });
  }
  for (const each of ["pointerover", "pointerdown", "focusin", "focusout"]) document.addEventListener(each, soon, { passive: true });
  document.documentElement.addEventListener("pointerleave", soon);
  window.addEventListener("resize", () => regions().forEach((each) => lock(each, false)));
  setInterval(settle, 500);
}
