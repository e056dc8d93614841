// The dialog before what puts film out or cannot be undone, and before a reason is given.

const dialog = document.getElementById("confirm");
const field = document.getElementById("confirm-reason");
const go = document.getElementById("confirm-go");
// The second press of a double click falls on what has just opened under the pointer.
const DEAF_MS = 400;

export function asking() {
  return dialog.open;
}

// `words`: what is asked. `label`, `command`: of the button that was pressed. `reason`: the label of
// the field for a reason, or nothing. Resolves to null where the answer is no, else to the reason.
export function ask(words, { label, command, reason }) {
  document.getElementById("confirm-title").textContent = `${label}?`;
  const said = document.getElementById("confirm-words");
  said.textContent = words;
  said.hidden = !words;
  field.value = "";
  field.parentElement.hidden = !reason;
  document.getElementById("confirm-reason-label").textContent = reason || "";
  go.textContent = label;
  go.dataset.command = command;
  dialog.returnValue = "";
  delete dialog.dataset.ready;
  const ready = setTimeout(() => { dialog.dataset.ready = ""; }, DEAF_MS);
  dialog.showModal();
  document.getElementById("confirm-no").focus();
  return new Promise((resolve) => {
    const pressed = (event) => {
      event.preventDefault();
      if ("ready" in dialog.dataset) dialog.close("go");
    };
    const typed = (event) => {
      if (event.key === "Enter") pressed(event);
    };
    go.addEventListener("click", pressed);
    field.addEventListener("keydown", typed);
    dialog.addEventListener(
      "close",
      () => {
        clearTimeout(ready);
        delete dialog.dataset.ready;
        go.removeEventListener("click", pressed);
        field.removeEventListener("keydown", typed);
        resolve(dialog.returnValue === "go" ? field.value.trim() : null);
      },
      { once: true },
    );
  });
}
