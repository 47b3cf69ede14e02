// As little as a Worker can do.

export default {
  fetch() {
    return new Response("ok");
  },
};
