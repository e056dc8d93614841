// Sets the theme before anything is drawn, and the switch in the head: the system's theme, light or
// dark. It is loaded in the head as a plain script: a module would run after the first paint.
"use strict";
(() => {
  const KEY = "theme";
  const CHOICES = ["light", "dark"];

  function chosen() {
    try {
      const kept = localStorage.getItem(KEY);
      return CHOICES.includes(kept) ? kept : "";
    } catch {
      return ""; // storage is not allowed here: the system's theme
    }
  }

  function keep(choice) {
    try {
      if (choice) localStorage.setItem(KEY, choice);
      else localStorage.removeItem(KEY);
    } catch {
      // Storage is not allowed here: the choice lasts as long as the page.
    }
  }

  function apply(choice) {
    if (choice) document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
  }

  apply(chosen());
  document.addEventListener("DOMContentLoaded", () => {
    const box = document.getElementById("theme");
    box.value = chosen();
    box.addEventListener("change", () => {
      keep(box.value);
      apply(box.value);
    });
    window.addEventListener("storage", (event) => {
      if (event.key !== KEY && event.key !== null) return; // another window has chosen
      box.value = chosen();
      apply(box.value);
    });
  });
})();
