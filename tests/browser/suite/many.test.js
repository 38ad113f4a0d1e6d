// Ten thousand messages: none is lost, none is doubled, each is found.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

const COUNT = 10_000;
// The control socket works on up to 256 requests of a connection at once.
const AT_ONCE = 200;

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`ten thousand messages arrive in ${kind}, in order and once each`, async (t) => {
    const world = await World.open(t);
    const nora = await world.native("Nora");
    const ada = await world.guest(kind, "Ada", await nora.invite());
    await ada.connected();
    const contact = await nora.onlyContact();
    const texts = Array.from({ length: COUNT }, (_, nth) => `Message ${nth} of very many`);
    const waiting = [...texts];
    const worker = async () => {
      while (waiting.length > 0) await nora.say(contact, waiting.shift());
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await nora.delivered(contact);
    await ada.sees(texts.at(-1));

    await ada.reload();
    await ada.sees(texts.at(-1));
    const history = await ada.history();
    assert.equal(history.length, COUNT);
    assert.deepEqual(history.map(({ text }) => text), await nora.texts(contact));
    assert.equal(new Set(history.map(({ text }) => text)).size, COUNT);

    await ada.fill("search-input", "4711");
    await ada.says("search-count", /^1 message$/);
    await ada.press("search-result");
    await ada.sees("Message 4711 of very many");
  });
}
