// Check boxes of rows: one in the heading ticks all that are shown.

export function watchTicks() {
  document.addEventListener("change", (event) => {
    const name = event.target.dataset?.ticks;
    if (!name) return;
    for (const each of event.target.closest("table").querySelectorAll(`input[name="${name}"]`)) {
      each.checked = event.target.checked;
    }
  });
}

// After a command was carried out nothing is ticked any more: the next one is for other rows.
export function untick(form) {
  for (const each of form.elements) if (each.type === "checkbox") each.checked = false;
  for (const each of document.querySelectorAll("[data-ticks]")) each.checked = false;
}
