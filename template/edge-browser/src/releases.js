/**
 * Keeps the site for use without a network, and brings new releases.
 *
 * A release is fetched into a cache of its own and compared with the digests in release.json; then
 * its model must load and answer its sample as recorded; only then is it named as the active one,
 * which the next start uses. Whatever goes wrong on the way leaves the active one as it was.
 */

import { Engine } from "./engine.js";
import { HEADERS, mediaType } from "./headers.js";

const RUNNING = /releases\/(\w+)\/[^/]*$/.exec(import.meta.url)[1];
const ROOT = new URL("../../", import.meta.url);
const PREFIX = `${ROOT.pathname} `;

/** Whether this browser can keep the site: it does so only over TLS, or from this machine. */
export const possible = "serviceWorker" in navigator && "caches" in self && "locks" in navigator;

/** Begins to answer from what is kept, and says to others that this release is in use. */
export async function begin() {
  navigator.locks.request(PREFIX + RUNNING, { mode: "shared" }, () => new Promise(() => {}));
  await navigator.serviceWorker.register(new URL("sw.js", ROOT), { updateViaCache: "none" });
  await navigator.serviceWorker.ready;
  await controlled();
}

/** Whether this very release is kept, so that the page will start without a network. */
export async function isKept() {
  return (await recall("active")) === RUNNING;
}

/**
 * Looks for the release that the host has now, and makes it the active one. The release that runs
 * is known to be good, for its model has answered already.
 *
 * @returns {Promise<"kept" | "new" | "refused">} kept: what runs is active; new: another one is,
 *   from the next start on; refused: the host's was tried and is not good.
 */
export async function update() {
  const offered = await fetchRelease();
  const active = await recall("active");
  if (offered.id !== active || !(await caches.has(PREFIX + active))) {
    if (offered.id === (await recall("refused"))) return "refused";
    await fill(offered);
    if (offered.id !== RUNNING && !(await isGood(offered))) return "refused";
    await remember("active", offered.id);
  }
  await tidy(offered.id);
  return offered.id === RUNNING ? "kept" : "new";
}

async function fetchRelease() {
  const response = await fetch(new URL("release.json", ROOT), { cache: "no-store" });
  if (!response.ok) throw new Error(`release.json: status ${response.status}`);
  return response.json();
}

/** What was fetched before an interruption need not be fetched again: only whole files are kept. */
async function fill({ id, files }) {
  const cache = await caches.open(PREFIX + id);
  for (const [path, { sha256 }] of Object.entries(files)) {
    const url = new URL(path, ROOT);
    if (await cache.match(url)) continue;
    const bytes = await fetchFile(id, path, sha256);
    const headers = { ...HEADERS, "content-type": mediaType(path) };
    await cache.put(url, new Response(bytes, { headers }));
  }
}

async function fetchFile(id, path, sha256) {
  // What keeps its address is answered from the active release, unless it is asked for so.
  const url = new URL(path.startsWith("releases/") ? path : `${path}?${id}`, ROOT);
  // The page has just loaded most of these; what the browser has kept of them by itself will do.
  for (const cache of ["default", "reload"]) {
    const response = await fetch(url, { cache });
    const bytes = await response.arrayBuffer();
    if (response.ok && (await digest(bytes)) === sha256) return bytes;
  }
  throw new Error(`${path}: the host's file is not the one that release.json names`);
}

async function digest(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Runs the release's own code on its sample, out of its cache; if that fails, it is forgotten. */
async function isGood({ id }) {
  const engine = new Engine(new URL(`releases/${id}/worker.js`, ROOT));
  try {
    await engine.ready;
    return true;
  } catch (error) {
    console.info(`Release ${id} is not used: ${error.message}`);
    await remember("refused", id);
    await caches.delete(PREFIX + id);
    return false;
  } finally {
    engine.close();
  }
}

/** Deletes releases that are neither active nor in use. */
async function tidy(active) {
  const needed = [PREFIX + active, PREFIX + RUNNING, `${PREFIX}state`];
  for (const name of await caches.keys()) {
    if (!name.startsWith(PREFIX) || needed.includes(name)) continue;
    const unused = (lock) => lock && caches.delete(name);
    await navigator.locks.request(name, { ifAvailable: true }, unused);
  }
}

async function recall(what) {
  const state = await caches.open(`${PREFIX}state`);
  return (await state.match(new URL(what, ROOT)))?.text();
}

async function remember(what, id) {
  const state = await caches.open(`${PREFIX}state`);
  await state.put(new URL(what, ROOT), new Response(id));
}

/** Until the service worker answers for this page. */
function controlled() {
  if (navigator.serviceWorker.controller) return undefined;
  return new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
  });
}
