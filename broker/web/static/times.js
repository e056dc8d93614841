// Tells times in the browser's zone: those that the server has marked, and those in words.
"use strict";
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const zoneNames = new Map();
// A name as CET or EST rather than GMT+1: each language of this browser's knows those of its places.
function zoneName(at) {
  const offset = at.getTimezoneOffset();
  if (!zoneNames.has(offset)) {
    const names = ["en-GB", "en-US", "en-AU"].map((language) =>
      new Intl.DateTimeFormat(language, { timeZoneName: "short" })
        .formatToParts(at).find((part) => part.type === "timeZoneName").value);
    zoneNames.set(offset, names.find((name) => !/^(GMT|UTC)[+-]/.test(name)) || names[0]);
  }
  return zoneNames.get(offset);
}

const two = (number) => String(number).padStart(2, "0");
const day = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

function clock(at, seconds) {
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (day(at) !== day(new Date())) return `${day(at)} ${time}`;
  return seconds ? `${time}:${two(at.getSeconds())}` : time;
}

const moment = (at) => `${clock(at, true)} ${zoneName(at)}`;

// Words of the server with their times in this zone.
function localWords(words) {
  return words && words.replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g, (told, date, time) => {
    const at = new Date(`${date}T${time}Z`);
    return Number.isNaN(at.getTime()) ? told : moment(at);
  });
}

function put(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tellTimes(root) {
  for (const each of root.querySelectorAll("time[data-moment]")) put(each, moment(new Date(each.dateTime)));
  for (const each of root.querySelectorAll("time[data-clock]")) put(each, clock(new Date(each.dateTime), false));
  for (const each of root.querySelectorAll("[data-zone]")) put(each, zoneName(new Date()));
  for (const each of root.querySelectorAll("input[data-zone-name]")) {
    each.value = ZONE;
    each.disabled = false;
  }
}

tellTimes(document);
// What is put on the page later is told before it is seen.
new MutationObserver((changes) => {
  const elements = (change) => [...change.addedNodes].some((each) => each.nodeType === Node.ELEMENT_NODE);
  for (const each of new Set(changes.filter(elements).map((change) => change.target))) tellTimes(each);
}).observe(document.body, { childList: true, subtree: true });
// At midnight today becomes yesterday.
setInterval(() => tellTimes(document), 30000);
