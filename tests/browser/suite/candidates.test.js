// Candidates of the contact that come late.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`no way through the first candidates does not end an attempt in ${kind}`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    const profile = await world.profile(kind);
    const bob = await profile.tab();
    await bob.page.evaluateOnNewDocument(`(${seesNoWayAtFirst})()`);
    await bob.goto(world.hub.origin);
    await bob.giveName("Bob");
    await bob.add(await ada.invite());
    await bob.say("There was a way");
    await bob.delivered("There was a way");
    assert.equal(await bob.evaluate(() => window.withoutWay), 1);
  });
}

// Makes every connection say that it has failed as soon as it has the contact's description, as
// Chromium does where a relay refuses the contact's private address and no other is known yet.
function seesNoWayAtFirst() {
  window.withoutWay = 0;
  window.RTCPeerConnection = class extends RTCPeerConnection {
    #sees = true;
    get connectionState() {
      return this.#sees ? super.connectionState : "failed";
    }
    async setRemoteDescription(description) {
      await super.setRemoteDescription(description);
      window.withoutWay += 1;
      this.#sees = false;
      this.dispatchEvent(new Event("connectionstatechange"));
      this.#sees = true;
    }
  };
}
