// The Worker of `bench verify`: it is given sets of keys and tokens, and told to verify so and so many.

import { Bout } from "./bout.mjs";
import { contenders } from "./contenders.mjs";

const bouts = new Map();

export default {
  async fetch(request) {
    const order = await request.json();
    switch (new URL(request.url).pathname) {
      case "/nothing":
        return Response.json({});
      case "/set": {
        const competing = Object.entries(contenders).filter(([name]) => order.names.includes(name));
        bouts.set(order.set, new Bout(order, Object.fromEntries(competing)));
        return Response.json({});
      }
      case "/reset":
        return Response.json(await bouts.get(order.set).reset());
      case "/run":
        await bouts.get(order.set).run(order);
        return Response.json({});
      default:
        return new Response(null, { status: 404 });
    }
  },
};
