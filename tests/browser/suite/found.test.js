// From words that one remembers to the message that has them.

import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

// So many that what is looked for is on none of the pages that are shown at first.
const BETWEEN = 300;

for (const kind of BROWSERS) {
  test(`what was said long ago is found in ${kind} and shown among its neighbours`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    const native = await world.native("Bob");
    const contact = await native.take(await ada.invite());
    await ada.openChat("Bob");
    await ada.connected();
    await native.say(contact, "The key is under the blue flowerpot");
    const lines = Array.from({ length: BETWEEN }, (_, nth) => `Line ${nth}`);
    for (const line of lines) await native.say(contact, line);
    await ada.sees(lines.at(-1));

    await ada.fill("search-input", "flowerpot");
    await ada.says("search-count", /^1 message$/);
    await ada.press("search-result");
    await ada.until("the message on the screen", () => {
      const texts = [...document.querySelectorAll('[data-testid="message-text"]')];
      const found = texts.find((text) => text.textContent.includes("blue flowerpot"));
      const frame = document.querySelector('[data-testid="messages"]')?.getBoundingClientRect();
      const place = found?.getBoundingClientRect();
      return place && place.height > 0 && place.top >= frame.top && place.bottom <= frame.bottom;
    });
    await ada.sees("Line 0");

    await ada.fill("search-input", "no such words");
    await ada.says("search-count", /No message has these words/);
    await ada.fill("search-input", "");
    await ada.gone("search-count");
  });
}
