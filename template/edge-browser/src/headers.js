/** What every answer of the site's host is to carry; the service worker adds it to what it kept. */

export const HEADERS = {
  // Scripts, styles and WebAssembly come from this site, and requests go to this site alone.
  // Images may be those that a person chose (blob:).
  "content-security-policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self';" +
    " style-src 'self'; connect-src 'self'; img-src 'self' blob:; manifest-src 'self';" +
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  // Both together isolate the page, which is what browsers ask for before they lend it threads.
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  // What is no script by its type is never run as one.
  "x-content-type-options": "nosniff",
  // Links that lead away do not tell where from.
  "referrer-policy": "no-referrer",
  // The camera is for taking an image; nothing else is asked for.
  "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
};

/** The types of the site's files, by the ends of their names. */
export const MEDIA_TYPES = {
  css: "text/css",
  gif: "image/gif",
  html: "text/html; charset=utf-8",
  jpg: "image/jpeg",
  js: "text/javascript",
  json: "application/json",
  mjs: "text/javascript",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
  webp: "image/webp",
};

/** The type of a file by its name; bytes if unknown. */
export function mediaType(path) {
  return MEDIA_TYPES[path.split(".").at(-1)] ?? "application/octet-stream";
}
