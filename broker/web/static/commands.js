// Sends commands without leaving the page: asked first where the button says so, once each.

import { ask } from "./confirm.js";
import { expectChange, movedJustNow, refresh } from "./regions.js";
import { tell } from "./toasts.js";

const PATIENCE_MS = 20000;
// After its answer a form rests: its row is about to change.
const REST_MS = 1000;
const UNKNOWN =
  "The broker did not answer: it is not known whether the command was carried out. Look at the rows, then try again.";
const underWay = new Set(); // addresses, as a row may be replaced meanwhile

function disable(address, on) {
  if (on) underWay.add(address);
  else underWay.delete(address);
  for (const form of document.querySelectorAll("form.commands")) {
    if (form.action !== address) continue;
    // Not `disabled`: a button that has the focus would lose it.
    form.setAttribute("aria-busy", String(on));
  }
}

async function post(address, body) {
  const answer = await fetch(address, {
    method: "POST",
    body,
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return [answer, await answer.json()];
}

// The answer of the broker, or null where the person says no to what it asks: first whether it is
// meant, then, where the same was done just now, whether once more.
async function send(address, body, asked) {
  for (;;) {
    const [answer, found] = await post(address, body);
    if (answer.ok || typeof found.asks !== "string" || body.has("again")) return [answer, found];
    if ((await ask(found.asks, asked)) === null) return null;
    body.set(body.has("confirmed") ? "again" : "confirmed", "1");
  }
}

// Whether anything was sent.
async function order(form, button) {
  const asked = { label: button.textContent.trim(), command: button.value };
  const body = new URLSearchParams(new FormData(form));
  if (button.name) body.set(button.name, button.value);
  const { confirm, reason } = button.dataset;
  if (confirm || reason) {
    const given = await ask(confirm || "", { ...asked, reason });
    if (given === null) return false;
    body.set("confirmed", "1");
    if (reason) body.set("reason", given);
  }
  const answered = await send(form.action, body, asked);
  if (!answered) return true;
  const [answer, found] = answered;
  if (answer.status === 401) {
    tell("The session has ended: nothing was done. Sign in, then press it again.", true);
    location.reload();
    return true;
  }
  tell(found.words || found.error, !answer.ok);
  if (answer.ok) expectChange();
  else refresh(form.action);
  if (!document.getElementById("live")) location.reload();
  return true;
}

export function sendCommands() {
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest("form.commands button");
      if (!button) return;
      // The second press of a double click is none.
      if (event.detail > 1 || button.getAttribute("aria-disabled") === "true") event.preventDefault();
    },
    true,
  );
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    if (!form.classList.contains("commands") || !button) return;
    event.preventDefault();
    const address = form.action;
    if (underWay.has(address)) return;
    if (movedJustNow(form)) {
      tell("The rows have just moved: nothing was sent. Look at them, then press again.", true);
      return;
    }
    disable(address, true);
    let restMs = REST_MS;
    try {
      if (!(await order(form, button))) restMs = 0;
    } catch {
      tell(UNKNOWN, true);
    } finally {
      setTimeout(() => disable(address, false), restMs);
    }
  });
}
