// What holds a region of the page in place: a pointer, a finger, the focus, or an open dialog.

import { asking } from "./confirm.js";

// A pointer that was left lying on a table, and a focus that was left there, hold it no longer.
const REST_MS = 60000;
const FINGER_MS = 2000;
// A person at the keyboard is shown what their command has changed: the focus moves with its row.
const ANSWER_MS = 3000;

let pointer = "";
let active = performance.now(); // when a pointer or a key was last used
let answered = -ANSWER_MS; // when a command was carried out
let finger = { box: null, until: 0 };

export function boxOf(element) {
  return element instanceof Element ? element.closest("[data-region]") : null;
}

export function under(box) {
  return pointer !== "touch" && box.matches(":hover");
}

function focusIn(box) {
  const element = document.activeElement;
  if (!box.contains(element) || performance.now() - answered < ANSWER_MS) return false;
  // A pointer leaves the focus on what it pressed last: that is no sign of a person there.
  return element.matches(":focus-visible, select, input, textarea");
}

// Whether something is on it, however long it has rested there.
export function rests(box) {
  return under(box) || focusIn(box);
}

export function held(box) {
  if (!box.querySelector("form, button, tbody a")) return false;
  if (asking()) return true; // its form is asked about, or the one beside it
  const now = performance.now();
  if (finger.box === box && now < finger.until) return true;
  return now - active < REST_MS && rests(box);
}

export function commandAnswered() {
  answered = performance.now();
}

// `settle` is called when a region may be held, or left.
export function watchHolds(settle) {
  const listen = (names, hear) => {
    for (const name of names) document.addEventListener(name, hear, { passive: true });
  };
  const used = (event) => {
    pointer = event.pointerType || pointer;
    active = performance.now();
  };
  const soon = () => setTimeout(settle, 0);
  listen(["pointermove", "pointerdown", "keydown"], used);
  listen(["keydown"], (event) => {
    if (event.key !== "Escape" || asking() || !boxOf(document.activeElement)) return;
    active = -REST_MS;
    settle();
    active = performance.now();
  });
  listen(["touchstart"], (event) => {
    finger = { box: boxOf(event.target), until: Infinity };
  });
  listen(["touchend", "touchcancel"], () => {
    finger.until = performance.now() + FINGER_MS;
  });
  listen(["pointerover", "pointerdown", "focusin", "focusout"], soon);
  document.documentElement.addEventListener("pointerleave", soon);
  setInterval(settle, 500);
}
