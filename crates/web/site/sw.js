// The service worker: keeps the files of one version of the page, so that it opens at once and
// without a network. It answers for those files only; everything else goes past it. `cargo xtask
// web` fills in the version and its files.

const CACHE = "tincan-%VERSION%";
const PAGE = "%PAGE%";
const FILES = %FILES%;

// A new version is fetched in the background and waits until the person agrees: a page that is
// open keeps the version that it began with.
self.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll([PAGE, ...FILES]);
  };
  event.waitUntil(keep());
});

self.addEventListener("message", (event) => {
  if (event.data === "take-over") self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  const tidyUp = async () => {
    const old = (await caches.keys()).filter((name) => name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(tidyUp());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (pathname === "/" || pathname === "/index.html") event.respondWith(kept(PAGE, request));
  } else if (FILES.includes(pathname)) {
    event.respondWith(kept(pathname, request));
  }
});

// Notifications that outlived their page lead back to one.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const show = async () => {
    const [open] = await self.clients.matchAll({ type: "window" });
    return open ? open.focus() : self.clients.openWindow("/");
  };
  event.waitUntil(show());
});

async function kept(path, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}
