// The browser loses its network and gets it back.

import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { HUB_IS_DOWN } from "../harness/tab.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`what is written offline in ${kind} arrives once the network is back`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    ada.expect(...HUB_IS_DOWN);
    await ada.say("Online");
    await bob.sees("Online");

    await ada.page.setOfflineMode(true);
    await ada.says("banner-offline", /You are offline/);
    await ada.say("Offline");
    await ada.sees("Offline");

    await ada.page.setOfflineMode(false);
    await ada.gone("banner-offline");
    await bob.sees("Offline");
    await ada.delivered("Offline");
    await bob.say("Welcome back");
    for (const person of [ada, bob]) await person.shows(["Online", "Offline", "Welcome back"]);
  });
}
