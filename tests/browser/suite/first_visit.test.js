// From an invite link to the first words, in and between both browsers.

import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { Front } from "../harness/front.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

for (const first of BROWSERS) {
  for (const second of BROWSERS) {
    test(`a guest in ${second} talks to whoever invited from ${first}`, async (t) => {
      const world = await World.open(t);
      const ada = await world.person(first, "Ada");
      const invite = await ada.invite();
      const bob = await world.visitor(second, invite);
      await bob.says("inviter", /^Ada$/);
      await bob.giveName("Bob");
      await bob.says("chat-name", /^Ada$/);

      await bob.say("Hello Ada");
      await ada.openChat("Bob");
      await ada.sees("Hello Ada");
      await bob.delivered("Hello Ada");
      await ada.say("Hello yourself");
      await bob.sees("Hello yourself");
      await ada.delivered("Hello yourself");

      for (const person of [ada, bob]) {
        await person.connected();
        await person.shows(["Hello Ada", "Hello yourself"]);
        await person.reload();
        await person.shows(["Hello Ada", "Hello yourself"]);
      }
    });
  }

  test(`two tabs in ${first} connect with addresses hidden behind .local names`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(first, first, { hidden: true });
    await ada.say("Hello");
    await bob.sees("Hello");
    await ada.delivered("Hello");
  });

  // A broker keeps a request only for whom it has met.
  test(`there is no link before the hub knows who invites, in ${first}`, async (t) => {
    const world = await World.open(t);
    const front = await Front.open(world.hub.origin);
    t.after(() => front.close());
    front.hold();
    const ada = await world.visitor(first, front.origin);
    await ada.giveName("Ada");
    await ada.press("invite-open");
    await ada.says("invite-dialog", /Making the invite/);
    await ada.says("banner-broker", /hub/);
    front.admit();
    await ada.until("a link", () => document.querySelector('[data-testid="invite-link"]') !== null);
  });

  test(`whoever invited may call first, in ${first}`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(first, "Ada");
    const invite = await ada.invite();
    const bob = await world.guest(first, "Bob", invite);
    await bob.says("chat-name", /^Ada$/);
    // Bob looks at no conversation, so that nothing but Ada's words makes a connection.
    await bob.evaluate(() => history.back());
    await bob.gone("composer");
    await ada.openChat("Bob");
    await ada.say("Hello Bob");
    await ada.delivered("Hello Bob");
    await bob.says("unread", /^1/);
    await bob.openChat("Ada");
    await bob.shows(["Hello Bob"]);
    await ada.delivered("Hello Bob", ["read"]);
  });
}
