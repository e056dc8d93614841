// What every page does: it counts ages, follows its events, and sends commands.

import { sendCommands } from "./commands.js";
import { followEvents } from "./live.js";
import { keepPlaces } from "./regions.js";
import { countTimes } from "./ages.js";
import { showKept } from "./toasts.js";

document.documentElement.classList.add("js");
showKept();
countTimes();
sendCommands();
keepPlaces();
followEvents();
