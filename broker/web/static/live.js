// Follows a page's events, and says when they stop.

import { receive } from "./regions.js";
import { setServerNow } from "./ages.js";

// The server sends a sign of life each 3 s (SIGN_S in live_view.py).
const PATIENCE_MS = 8000;
const FIRST_MS = 1000, LONGEST_MS = 8000;
// A browser opens six connections to one server: pages that are not seen give theirs back.
const HIDDEN_MS = 1000;

const live = document.getElementById("live");
const lost = document.getElementById("lost");
let source = null;
let alarm = 0, again = 0, hiding = 0;
let againMs = FIRST_MS;

function stop() {
  clearTimeout(alarm);
  clearTimeout(again);
  source?.close();
  source = null;
}

function heard() {
  lost.hidden = true;
  live.classList.remove("stale");
  againMs = FIRST_MS;
  clearTimeout(alarm);
  alarm = setTimeout(gone, PATIENCE_MS);
}

function gone() {
  stop();
  lost.hidden = false;
  live.classList.add("stale");
  again = setTimeout(follow, againMs);
  againMs = Math.min(2 * againMs, LONGEST_MS);
}

function follow() {
  stop();
  source = new EventSource(live.dataset.events);
  // A connection may wait in the queue of a server that has stopped.
  alarm = setTimeout(gone, PATIENCE_MS);
  source.addEventListener("news", (event) => {
    heard();
    const { now, version, ...regions } = JSON.parse(event.data);
    setServerNow(now);
    receive(regions);
    live.dataset.version = version;
  });
  source.addEventListener("still", heard);
  for (const end of ["signed-out", "removed"]) {
    source.addEventListener(end, () => {
      stop();
      location.reload(); // which says why
    });
  }
  source.addEventListener("error", gone);
}

export function followEvents() {
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  if (!live) return;
  window.addEventListener("offline", gone);
  window.addEventListener("online", follow);
  window.addEventListener("pagehide", stop);
  const seen = () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(stop, HIDDEN_MS);
    else if (!source) {
      live.classList.add("stale");
      follow();
    }
  };
  document.addEventListener("visibilitychange", seen);
  follow();
  seen(); // a page may be opened behind another one
}
