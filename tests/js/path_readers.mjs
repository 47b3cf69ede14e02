// Reads a JSON list of request targets from standard input and prints how readers of JavaScript understand each path: the URL standard's,
// and what an app gets that decodes that once more.

import { text } from "node:stream/consumers";

const read = (target) => {
  const { pathname } = new URL(`http://app.test${target}`);
  const [raw] = target.split("?", 1);
  return [pathname, decoded(pathname), raw, decoded(raw)];
};

const decoded = (path) => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

console.log(JSON.stringify(JSON.parse(await text(process.stdin)).map(read)));
