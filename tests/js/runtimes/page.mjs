// The cases as a page: `window.run(name, corpus)`.

import { run } from "./cases.mjs";

window.run = run;
