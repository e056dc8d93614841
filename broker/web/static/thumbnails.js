// Loads the small pictures of films that are in sight, two at a time: a browser has six connections,
// and commands must not wait for pictures. One that is there is kept while its row is drawn again.
"use strict";
const AT_ONCE = 2, KEPT = 300;
const pictures = new Map();
const inSight = [];
let loading = 0;

function loadNext() {
  while (loading < AT_ONCE && inSight.length) {
    const image = inSight.shift();
    if (!image.isConnected) continue;
    loading += 1;
    const done = () => { loading -= 1; loadNext(); };
    image.addEventListener("load", () => {
      pictures.set(image.dataset.src, image);
      if (pictures.size > KEPT) pictures.delete(pictures.keys().next().value);
      done();
    }, { once: true });
    image.addEventListener("error", () => { image.remove(); done(); }, { once: true });
    image.src = image.dataset.src;
  }
}

const watch = new IntersectionObserver((seen) => {
  for (const each of seen) {
    if (!each.isIntersecting) continue;
    watch.unobserve(each.target);
    inSight.push(each.target);
  }
  loadNext();
}, { rootMargin: "100px" });

function look(root) {
  for (const image of root.querySelectorAll("img[data-src]:not([src])")) {
    const known = pictures.get(image.dataset.src);
    if (known && !known.isConnected) image.replaceWith(known);
    else watch.observe(image);
  }
}

look(document);
const list = document.getElementById("jobs");
if (list) new MutationObserver(() => look(list)).observe(list, { childList: true, subtree: true });
