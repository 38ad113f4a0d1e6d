// What the first load transfers, and how long it takes until the page can be used.

import { figure, median, repeat } from "./figures.js";

// Runs before the page does: notes when its first screen can be used.
function noteUsable() {
  const look = () => {
    const ready = document.querySelector('[data-testid="name-submit"], [data-testid="settings-open"]');
    if (!ready) return;
    observer.disconnect();
    window.usableAt = performance.now();
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true });
}

const usable = (person) => person.until("a page that can be used", () => window.usableAt);

export async function loading(world, kind) {
  if (kind === "chromium") await transferred(world);
  const empty = await repeat(async () => {
    const profile = await world.profile(kind);
    const person = await profile.tab();
    await person.page.evaluateOnNewDocument(`(${noteUsable})()`);
    await person.goto(world.hub.origin);
    const at = await usable(person);
    await profile.context.close();
    return at;
  });
  figure(`${kind}: navigation to usable, empty cache`, median(empty), "ms", 700);
  const ada = await world.person(kind, "Ada");
  await ada.page.evaluateOnNewDocument(`(${noteUsable})()`);
  await ada.until("the service worker", async () => (await navigator.serviceWorker.ready).active !== null);
  const warm = await repeat(async () => {
    await ada.reload();
    return usable(ada);
  });
  figure(`${kind}: navigation to usable, warm`, median(warm), "ms", 300);
  await ada.profile.context.close();
}

// Bytes on the wire, headers too, of everything that the page itself asks for.
async function transferred(world) {
  const profile = await world.profile("chromium");
  const person = await profile.tab();
  const log = await person.page.createCDPSession();
  let bytes = 0;
  await log.send("Network.enable");
  log.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await person.page.goto(world.hub.origin, { waitUntil: "networkidle0" });
  await person.text("name-submit");
  figure("everything the first load transfers, brotli", bytes / 1_000, "KB", 250);
  await profile.context.close();
}
