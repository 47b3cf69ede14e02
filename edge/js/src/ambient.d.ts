// The few names of the runtimes that the front uses, instead of their whole type packages.

declare module "node:fs/promises" {
  export function readFile(path: URL): Promise<Uint8Array<ArrayBuffer>>;
}

declare module "cloudflare:workers" {
  export const waitUntil: ((work: Promise<unknown>) => void) | undefined;
}
