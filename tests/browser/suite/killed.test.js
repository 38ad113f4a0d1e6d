// A tab ends without a word: whoever is connected notices within six seconds.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

const NOTICED_WITHIN_MS = 6_000;

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`a tab of ${kind} that is killed is noticed by tab and native node`, async (t) => {
    const world = await World.open(t);
    const nora = await world.native("Nora");
    const ada = await world.person("chromium", "Ada");
    // A browser of its own, which is killed as a whole.
    const doomed = await world.person(kind, "Bob", { doomed: kind });
    await doomed.add(await nora.invite());
    await doomed.connected();
    await doomed.say("Hello Nora");
    await doomed.delivered("Hello Nora");
    await doomed.add(await ada.invite());
    await ada.openChat("Bob");
    await ada.connected();
    const seen = ada.until("that the connection is lost", () => {
      return document.querySelector('[data-testid="badge"]')?.dataset.kind !== "direct" && Date.now();
    });
    const isLost = ({ event, state }) => event === "peer" && state !== "connected";
    const told = nora.event("that the connection is lost", isLost, true).then(() => Date.now());
    await doomed.kill();
    const killed = Date.now();
    const noticed = { tab: seen, native: told };
    for (const [who, at] of Object.entries(noticed)) {
      const after = (await at) - killed;
      assert.ok(after < NOTICED_WITHIN_MS, `the ${who} noticed after ${after} ms`);
    }
  });

  test(`a tab of ${kind} that is closed is noticed at once`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    await bob.close();
    await ada.seesOnline(false);
  });
}
