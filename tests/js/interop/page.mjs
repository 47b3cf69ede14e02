// The suite as a page: `window.run(name, jwksUri)`.

import { run } from "./suite.mjs";

window.run = run;
