// What every page does: it counts ages, follows its events, and sends commands.

import { sendCommands } from "./commands.js";
import { followEvents } from "./live.js";
import { keepPlaces } from "./regions.js";
import { closeMore } from "./more.js";
import { countTimes } from "./ages.js";
import { watchTicks } from "./ticks.js";
import { showKept } from "./toasts.js";

document.documentElement.classList.add("js");
showKept();
countTimes();
sendCommands();
watchTicks();
closeMore();
keepPlaces();
followEvents();
