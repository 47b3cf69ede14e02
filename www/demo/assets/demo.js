// What JavaScript adds to the demo app: signing out at once, without the page in between.
import { createAuthClient } from "/assets/client/index.js";

const client = createAuthClient({ baseUrl: location.origin });

document.querySelector("[data-sign-out]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  try {
    await client.signOut();
    location.replace("/");
  } catch {
    // The ordinary way still works, and can say what is wrong.
    form.submit();
  }
});

// A page out of the browser's memory may belong to a session that is over: ask for it again.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
