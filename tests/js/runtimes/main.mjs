// The cases in Node, Deno and Bun: prints the outcome of the one that is named, with the file that it reads beside it.

import { readFileSync } from "node:fs";
import process from "node:process";
import { run } from "./cases.mjs";

const [name, file] = process.argv.slice(2);
const corpus = file && JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8"));
console.log(JSON.stringify(await run(name, corpus)));
