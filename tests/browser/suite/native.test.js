// The page and the native node: each may invite, each may speak first.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`a native node takes an invite from ${kind} and speaks first`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    const nora = await world.native("Nora");
    const adaId = await nora.take(await ada.invite());
    await nora.send(adaId, "Hello from the terminal");
    await ada.openChat("Nora");
    await ada.sees("Hello from the terminal");
    await ada.say("Hello from the page");
    await ada.delivered("Hello from the page");
    await ada.connected();
    const texts = ["Hello from the terminal", "Hello from the page"];
    assert.deepEqual(await nora.texts(adaId), texts);
    await ada.reload();
    await ada.shows(texts);
  });

  test(`a guest in ${kind} follows a native node's invite and speaks first`, async (t) => {
    const world = await World.open(t);
    const nora = await world.native("Nora");
    const ada = await world.guest(kind, "Ada", await nora.invite());
    await ada.says("chat-name", /^Nora$/);
    await ada.say("Hello from the page");
    await ada.delivered("Hello from the page");
    const adaId = await nora.onlyContact();
    assert.deepEqual(await nora.texts(adaId), ["Hello from the page"]);
    await nora.send(adaId, "Hello from the terminal");
    await ada.shows(["Hello from the page", "Hello from the terminal"]);
  });

  test(`a native node with hidden addresses of ${kind} is connected to`, async (t) => {
    const world = await World.open(t);
    const nora = await world.native("Nora");
    const ada = await world.guest(kind, "Ada", await nora.invite(), { hidden: true });
    await ada.say("Hello");
    await ada.delivered("Hello");
    await ada.connected();
  });
}
