/**
 * Answers for the site from what was kept of it, so that it works without a network.
 *
 * It keeps nothing itself: releases.js fills one cache for each release, tests it, and then names
 * the one that is active. The files of a release lie in a folder of their own, so that a page never
 * gets parts of two.
 */

const SCOPE = new URL("./", self.location).pathname;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (!url.pathname.startsWith(SCOPE)) return;
  const path = url.pathname.slice(SCOPE.length) || "index.html";
  // What is new is asked of the host alone; see releases.js.
  if (path === "release.json" || (url.search && event.request.mode !== "navigate")) return;
  event.respondWith(answer(event.request, path));
});

async function answer(request, path) {
  const release = /^releases\/(\w+)\//.exec(path)?.[1] ?? (await active());
  const kept = release && (await find(release, path));
  return kept || fetch(request);
}

async function find(release, path) {
  const name = `${SCOPE} ${release}`;
  if (!(await caches.has(name))) return undefined;
  const cache = await caches.open(name);
  return cache.match(SCOPE + path);
}

async function active() {
  const state = await caches.open(`${SCOPE} state`);
  const named = await state.match(`${SCOPE}active`);
  return named?.text();
}
