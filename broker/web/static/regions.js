// The regions of a page that is live. What is under a pointer, a finger or the focus keeps its place:
// there only words change, and what would move something waits until it is left.

import { boxOf, commandAnswered, held, rests, under, watchHolds } from "./hold.js";
import { copyOf, morph, morphChildren, plain } from "./morph.js";
import { showTimes } from "./ages.js";
import { announce } from "./toasts.js";

// After rows have moved under a resting pointer, a press was meant for what stood there before.
const SURPRISE_MS = 1000;

const waiting = new Map(); // region: what was received last, and how much of it is not shown yet
const refused = new Set(); // addresses of forms whose last command was refused
const note = document.getElementById("waiting");
let owed = 0; // pixels by which what is held stands too low
let surprised = { box: null, at: -SURPRISE_MS };

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

// Where all of it would move something, the state alone is told.
function showState(box, part, other) {
  const [mine, fresh] = [part, other].map((each) => each.querySelector("[data-label=State], [data-label=Health]"));
  if (!mine || !fresh) return;
  const before = places(box);
  const copy = copyOf(mine);
  morph(mine, fresh, true);
  if (places(box) !== before) morph(mine, copy, true);
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
      if (places(box) !== before) {
        morph(part, copy, true);
        showState(box, part, other);
      }
      if (buttons(part) === buttons(other)) refreshForms(part, other);
      if (plain(part) !== plain(other)) number += 1;
    }
  }
  const order = (all) => all.map((each) => each.id).join();
  return number || Number(order(olds) !== order([...news.values()]));
}

// Scrolls so far that `box` is at `top` of the window again. A short page is made longer meanwhile:
// there is nothing to scroll else. A window scrolls by whole pixels, so what is left is kept for the
// next time.
function scrollAlong(box, top) {
  const moved = owed + box.getBoundingClientRect().top - top;
  const { body } = document;
  const longer = Math.ceil(window.innerHeight + window.scrollY + moved);
  if (moved > 0 && body.offsetHeight < longer) body.style.minHeight = `${longer}px`;
  const before = window.scrollY;
  window.scrollBy({ top: Math.round(moved), behavior: "instant" });
  owed = Math.max(-1, Math.min(1, moved - (window.scrollY - before)));
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
  if (kept) scrollAlong(kept, top);
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
  if (!still.length) {
    for (const each of [document.body, ...all]) each.style.minHeight = "";
    owed = 0;
  }
  for (const each of all) lock(each, still.includes(each));
  for (const [name, news] of waiting) {
    const box = document.getElementById(name);
    if (still.includes(box)) {
      news.number ??= showWords(box, parsed(box, news.html));
      if (news.number) continue;
    } else {
      const before = places(box);
      showAll(box, parsed(box, news.html));
      if (rests(box) && places(box) !== before) surprised = { box, at: performance.now() };
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
  commandAnswered();
  settle();
}

export function movedJustNow(form) {
  return surprised.box === boxOf(form) && performance.now() - surprised.at < SURPRISE_MS;
}

export function keepPlaces() {
  watchHolds(settle);
  window.addEventListener("resize", () => regions().forEach((each) => lock(each, false)));
}
