// What the package says, as text, at the time of a corpus.

/** "ok", or what `describe` makes of the package's error; any other error counts as something wrong, with its stack. */
export async function sayingOf(verify, describe = ({ reason }) => reason) {
  try {
    await verify();
    return "ok";
  } catch (error) {
    return error.name === "EdgewardError" ? describe(error) : String(error?.stack ?? error);
  }
}

/** Runs `work` while the clock shows the second `now`. */
export async function at(now, work) {
  const realNow = Date.now;
  Date.now = () => now * 1000;
  try {
    return await work();
  } finally {
    Date.now = realNow;
  }
}
