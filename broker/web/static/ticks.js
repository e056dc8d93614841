// Check boxes of rows: one in the heading ticks all that are shown.

// The row as it is shown now counts from the next tick on.
function renew(box) {
  if (!box.dataset?.fresh) return;
  box.value = box.dataset.fresh;
  delete box.dataset.fresh;
}

export function watchTicks() {
  document.addEventListener("change", ({ target }) => {
    if (target.type === "checkbox" && !target.checked) renew(target);
    const name = target.dataset?.ticks;
    if (!name) return;
    for (const each of target.closest("table").querySelectorAll(`input[name="${name}"]`)) {
      each.checked = target.checked;
      if (!each.checked) renew(each);
    }
  });
}

// After a command was carried out nothing is ticked any more: the next one is for other rows.
export function untick(form) {
  for (const each of form.elements) {
    if (each.type !== "checkbox") continue;
    each.checked = false;
    renew(each);
  }
  for (const each of document.querySelectorAll("[data-ticks]")) each.checked = false;
}
