// The hub goes and comes back under a live conversation.

import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { HUB_IS_DOWN } from "../harness/tab.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`a conversation in ${kind} goes on without the hub and with it again`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    for (const person of [ada, bob]) person.expect(...HUB_IS_DOWN);
    await ada.say("With a hub");
    await bob.sees("With a hub");

    await world.hub.stop();
    await ada.says("banner-broker", /hub can't be reached.*(Trying|Not)/i);
    await ada.says("banner-broker", /\d+ seconds?\./);
    await ada.say("Without a hub");
    await bob.sees("Without a hub");
    await bob.say("Indeed");
    await ada.sees("Indeed");
    await ada.delivered("Without a hub");

    await world.hub.startAgain();
    for (const person of [ada, bob]) {
      await person.press("broker-retry");
      await person.gone("banner-broker");
    }
    await ada.say("With a hub again");
    const texts = ["With a hub", "Without a hub", "Indeed", "With a hub again"];
    for (const person of [ada, bob]) await person.shows(texts);

    // Whoever comes anew is found by the hub that was restarted.
    const eve = await world.guest(kind, "Eve", await ada.invite());
    await eve.say("I am new here");
    await eve.delivered("I am new here");
  });
}
