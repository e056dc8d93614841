// Counts ages by the server's clock, not by this machine's.

let aheadS = 0;

export function serverNow() {
  return Date.now() / 1000 + aheadS;
}

export function setServerNow(seconds) {
  aheadS = seconds - Date.now() / 1000;
}

function age(seconds) {
  const number = Math.max(0, Math.floor(seconds));
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60]]) {
    if (number >= size) return Math.floor(number / size) + unit;
  }
  return number + "s";
}

// Called each second, and after new rows were shown.
export function showTimes() {
  const now = serverNow();
  for (const each of document.querySelectorAll("time[data-at]")) {
    const words = age(now - Number(each.dataset.at));
    if (each.textContent !== words) each.textContent = words;
  }
}

export function countTimes() {
  setInterval(showTimes, 1000);
}
