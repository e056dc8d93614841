// Makes one element like another and keeps what stays the same: pictures are not fetched again,
// what is open stays open, and what has the focus keeps it.

// What a script has set, and the server says nothing of.
const OURS = new Set(["aria-disabled", "aria-busy", "style", "data-fresh"]);

function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return `${node.nodeType}`;
  if (node.id) return `#${node.id}`;
  // A button never becomes another one while a finger is on it.
  if (node.tagName === "BUTTON") return `button ${node.name} ${node.value}`;
  // Another time, and another picture, are other elements: scripts that tell and load them see them.
  if (node.tagName === "TIME") return `time ${node.getAttribute("datetime")}`;
  return `${node.tagName} ${node.dataset.key || node.dataset.src || ""}`;
}

function sameAttributes(old, fresh) {
  const names = new Set([...old.getAttributeNames(), ...fresh.getAttributeNames()]);
  return [...names].every((name) => OURS.has(name) || old.getAttribute(name) === fresh.getAttribute(name));
}

function setAttributes(old, fresh) {
  for (const name of old.getAttributeNames()) {
    const ours =
      OURS.has(name) ||
      (name === "open" && old.tagName === "DETAILS") ||
      (name === "src" && old.hasAttribute("data-src"));
    if (!ours && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const name of fresh.getAttributeNames()) {
    if (old.getAttribute(name) !== fresh.getAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
  }
}

// A box that is ticked keeps the version of the row that the person saw then; the one of now is for
// when it is ticked anew.
function ticked(old, fresh) {
  if (old.type !== "checkbox" || !old.checked) return false;
  if (fresh.hasAttribute("value")) old.dataset.fresh = fresh.getAttribute("value");
  return true;
}

function inUse(element) {
  return element === document.activeElement && ["INPUT", "SELECT", "TEXTAREA"].includes(element.tagName);
}

// `words`: whether forms stay as they are, so that only words change.
export function morph(old, fresh, words = false) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (inUse(old) || ticked(old, fresh) || (words && old.tagName === "FORM")) return;
  // The text of a time is written by the page's own clock.
  if ((old.tagName === "TIME" || old.hasAttribute("data-zone")) && sameAttributes(old, fresh)) return;
  setAttributes(old, fresh);
  morphChildren(old, fresh, words);
}

// `fresh` stays whole: what is new is copied from it.
export function morphChildren(old, fresh, words = false) {
  const free = new Map();
  for (const each of old.childNodes) {
    const key = keyOf(each);
    if (!free.has(key)) free.set(key, []);
    free.get(key).push(each);
  }
  const wanted = [...fresh.childNodes].map((each) => {
    const found = free.get(keyOf(each))?.shift();
    if (found) morph(found, each, words);
    return found || copyOf(each);
  });
  for (const each of [...free.values()].flat()) each.remove();
  let at = old.firstChild;
  for (const each of wanted) {
    if (each === at) at = at.nextSibling;
    else old.insertBefore(each, at);
  }
}

// Copies are made in a document that loads nothing: pictures in them are not fetched.
const inert = document.implementation.createHTMLDocument("");

export function copyOf(element, deep = true) {
  return inert.importNode(element, deep);
}

// What the server has said of an element, without what scripts have changed in it.
export function plain(element) {
  const copy = copyOf(element);
  copy.classList.remove("gone");
  for (const each of copy.querySelectorAll("time, [data-zone]")) each.textContent = "";
  for (const each of copy.querySelectorAll("img[data-src]")) each.remove();
  for (const each of copy.querySelectorAll("[data-fresh]")) {
    each.setAttribute("value", each.dataset.fresh);
    each.removeAttribute("data-fresh");
  }
  for (const each of copy.querySelectorAll("details[open]")) each.removeAttribute("open");
  for (const each of copy.querySelectorAll("[aria-disabled], [aria-busy]")) {
    each.removeAttribute("aria-disabled");
    each.removeAttribute("aria-busy");
  }
  return copy.outerHTML;
}
