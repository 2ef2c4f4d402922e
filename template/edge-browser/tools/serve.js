/** Serves site/ on this machine with the headers that a host is to send. */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { HEADERS, mediaType } from "../src/headers.js";

const SITE = fileURLToPath(new URL("../site", import.meta.url));
const port = Number(process.argv[2]);

if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`serve: expected a port (0 to 65535), got ${process.argv[2]}`);
  process.exit(2);
}

const server = createServer(async (request, response) => {
  const path = await fileFor(request.url);
  if (!["GET", "HEAD"].includes(request.method) || !path) {
    response.writeHead(path ? 405 : 404, HEADERS).end();
    return;
  }
  const kept = path.includes("/releases/") ? "public, max-age=31536000, immutable" : "no-cache";
  response.writeHead(200, {
    ...HEADERS,
    "cache-control": kept,
    "content-type": mediaType(path),
    "content-length": (await stat(path)).size,
  });
  if (request.method === "HEAD") response.end();
  else createReadStream(path).on("error", () => response.destroy()).pipe(response);
});

/** The file that an address means, none if there is no such file in site/. */
async function fileFor(address) {
  let path;
  try {
    path = normalize(join(SITE, decodeURIComponent(address.split("?")[0])));
  } catch {
    return undefined; // no address at all
  }
  if (path === join(SITE, "/")) path = join(SITE, "index.html");
  if (!path.startsWith(join(SITE, "/"))) return undefined;
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? path : undefined;
}

server.on("error", (error) => {
  if (error.code === "EADDRINUSE") console.error(`serve: port ${port} is taken; choose PORT=…`);
  else console.error(`serve: ${error.message}`);
  process.exit(1);
});
server.listen(port, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
