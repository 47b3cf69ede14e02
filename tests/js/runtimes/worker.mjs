// The cases as a Worker: `POST /` with `{ name, corpus }` answers the outcome.

import { run } from "./cases.mjs";

export default {
  async fetch(request) {
    const { name, corpus } = await request.json();
    return Response.json(await run(name, corpus));
  },
};
