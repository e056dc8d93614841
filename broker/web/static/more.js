// What a row keeps behind "More" lies over the rows below: a press elsewhere closes it.

export function closeMore() {
  document.addEventListener("pointerdown", ({ target }) => {
    if (!(target instanceof Element) || target.closest("dialog, .stack")) return;
    for (const each of document.querySelectorAll(".list .commands details[open]")) {
      if (!each.contains(target)) each.open = false;
    }
  }, { passive: true });
}
