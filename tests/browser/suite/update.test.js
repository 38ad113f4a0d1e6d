// A new version of the page comes while a conversation is open.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { Front } from "../harness/front.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`a new version in ${kind} waits until one wants it, and nothing is lost by it`, async (t) => {
    const world = await World.open(t);
    const front = await Front.open(world.hub.origin);
    t.after(() => front.close());
    const ada = await world.visitor(kind, front.origin);
    await ada.giveName("Ada");
    const bob = await world.guest(kind, "Bob", await ada.invite());
    await ada.openChat("Bob");
    await Promise.all([ada.connected(), bob.connected()]);
    await ada.say("Before");
    await bob.sees("Before");
    await ada.until("a service worker", () => navigator.serviceWorker.controller !== null);
    assert.equal(await ada.has("banner-update"), false);

    front.release();
    await ada.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      await registration.update();
    });
    await ada.says("banner-update", /A new version is ready/);
    await bob.say("Meanwhile");
    await ada.sees("Meanwhile");
    await ada.fill("composer", "Half a sentence");
    let loaded = 0;
    ada.page.on("domcontentloaded", () => loaded++);
    const anew = new Promise((resolve) => ada.page.once("domcontentloaded", resolve));
    await ada.evaluate(() => {
      // After the answer to this, for which the page must still be there.
      setTimeout(() => document.querySelector('[data-testid="update-apply"]').click());
    });
    await anew;
    await ada.sees("Meanwhile");
    await ada.gone("banner-update");
    const caches = await ada.evaluate(() => caches.keys());
    assert.deepEqual(caches.map((name) => name.startsWith("tincan-next-")), [true], `${caches}`);
    await ada.until("the draft", () => {
      return document.querySelector('[data-testid="composer"]')?.value === "Half a sentence";
    });
    await ada.connected();
    await ada.say("After");
    await bob.shows(["Before", "Meanwhile", "After"]);
    await ada.delivered("After");
    assert.equal(loaded, 1, "the page was loaded again once");
  });
}
