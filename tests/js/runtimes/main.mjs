// The cases in Node, Deno and Bun: prints the outcome of the one that is named, with the corpus beside it.

import { readFileSync } from "node:fs";
import process from "node:process";
import { run } from "./cases.mjs";

const corpus = JSON.parse(readFileSync(new URL("attack_corpus.json", import.meta.url), "utf8"));
console.log(JSON.stringify(await run(process.argv[2], corpus)));
