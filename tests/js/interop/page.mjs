// The suite as a page: `window.run(name, jwksUri)`; and one token by itself: `window.verify({ token, options })`.

import { createVerifier } from "edgeward";
import { run } from "./suite.mjs";

window.run = run;

window.verify = async ({ token, options }) => {
  const verifier = await createVerifier(options);
  return verifier.verifyToken(token).then(({ sub }) => sub, ({ code, reason }) => `${code} ${reason}`);
};
