// The suite as a Worker: `POST /` with `{ name, jwksUri }` runs one case.

import { run } from "./suite.mjs";

export default {
  async fetch(request) {
    const { name, jwksUri } = await request.json();
    return Response.json({ wrong: await run(name, jwksUri) });
  },
};
