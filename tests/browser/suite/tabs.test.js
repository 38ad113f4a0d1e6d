// Two tabs of one person: one leads, the other shows the same and takes over.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`a second tab in ${kind} shows the same and speaks for the same person`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    const second = await ada.secondTab();
    await second.says("banner-other-tab", /another tab/);
    await second.openChat("Bob");
    await second.connected();
    await second.say("From the second tab");
    await bob.sees("From the second tab");
    await second.delivered("From the second tab");
    await ada.shows(["From the second tab"]);
    await bob.say("For both tabs");
    for (const tab of [ada, second]) await tab.shows(["From the second tab", "For both tabs"]);
  });

  test(`what one tab in ${kind} has shown is unread in no other`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    await ada.toList();
    const second = await ada.secondTab();
    await second.says("banner-other-tab", /another tab/);
    await bob.say("Who reads this?");
    for (const tab of [ada, second]) await tab.says("unread", /^1/);
    await second.openChat("Bob");
    await second.sees("Who reads this?");
    await ada.until("that nothing is unread", () => {
      return !document.querySelector('[data-testid="unread"]');
    });
  });

  test(`a tab in ${kind} takes over within a second, and nothing is sent twice`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    const second = await ada.secondTab();
    await second.says("banner-other-tab", /another tab/);
    await second.openChat("Bob");
    const texts = [];
    const say = async (count) => {
      for (let nth = 0; nth < count; nth++) {
        texts.push(`Word ${texts.length}`);
        await second.say(texts.at(-1));
      }
    };
    await say(10);
    await second.sees(texts.at(-1));
    const closed = Date.now();
    const closing = ada.close();
    const leads = second.until("that it leads", () => {
      return !document.querySelector('[data-testid="banner-other-tab"]') && Date.now();
    });
    const [took] = await Promise.all([leads, closing]);
    assert.ok(took - closed < 1_000, `it took over after ${took - closed} ms`);
    await say(10);
    await second.delivered(texts.at(-1));
    await second.shows(texts);
    await bob.shows(texts);
    await bob.say("Still there?");
    await second.sees("Still there?");
  });
}
