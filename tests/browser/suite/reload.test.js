// Either side loads its page anew in the middle of a conversation: nothing is lost or doubled.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { sortedTexts } from "../harness/person.js";
import { World, closeBrowsers } from "../harness/world.js";

const COUNT = 30;

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`reloads in mid-conversation lose and double nothing in ${kind}`, async (t) => {
    const world = await World.open(t);
    const people = await world.pair(kind, kind);
    const texts = [];
    for (const [reloads, other] of [people, [...people].reverse()]) {
      for (let nth = 0; nth < COUNT; nth++) {
        const text = `${other.name} says ${nth}`;
        texts.push(text);
        await other.say(text);
        // Some are on their way then, some not sent yet.
        if (nth === COUNT / 2) reloads.again = reloads.reload();
      }
      await reloads.again;
      await other.delivered(texts.at(-1));
    }
    for (const person of people) {
      await person.connected();
      await person.sees(texts.at(-1));
      assert.deepEqual(sortedTexts(await person.history()), [...texts].sort());
      await person.reload();
      await person.sees(texts.at(-1));
      assert.deepEqual(sortedTexts(await person.history()), [...texts].sort());
    }
  });

  test(`what was just sent is there after a reload of its sender in ${kind}`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    await ada.say("Before the reload");
    await ada.sees("Before the reload");
    await ada.reload();
    await bob.sees("Before the reload");
    await ada.delivered("Before the reload");
    await ada.say("After the reload");
    await bob.shows(["Before the reload", "After the reload"]);
  });
}
