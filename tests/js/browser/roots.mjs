// What a browser trusts beside its own list: on Linux Chromium reads further roots from a database of NSS in the home of whoever
// starts it, as it does for the authority of a company.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const certutil = promisify(execFile).bind(undefined, "certutil");

/** A new home; a browser in it trusts these roots (PEM) to name servers, and for nothing else. */
export async function homeThatTrusts(roots) {
  const home = await mkdtemp(join(tmpdir(), "edgeward-home-"));
  const folder = join(home, ".pki/nssdb");
  await mkdir(folder, { recursive: true });
  const database = ["-d", `sql:${folder}`];
  await certutil(["-N", "--empty-password", ...database]);
  for (const [number, root] of roots.entries()) {
    const file = join(home, `root-${number}.pem`);
    await writeFile(file, root);
    await certutil(["-A", "-a", "-n", `root-${number}`, "-t", "C,,", "-i", file, ...database]);
  }
  return home;
}
