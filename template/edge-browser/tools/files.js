/** What the tools read of the project. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** A file of the release, from where `make site` takes it. */
export async function read(path) {
  const folder = path.startsWith("models/") ? "../" : "../src/";
  return new Uint8Array(await readFile(new URL(folder + path, import.meta.url)));
}

/** SHA-256 in hexadecimal digits. */
export function digestOf(content) {
  return createHash("sha256").update(content).digest("hex");
}
