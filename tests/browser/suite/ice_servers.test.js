// When the hub is slow to say which STUN and TURN servers there are.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`a connection waits until its servers are known in ${kind}`, async (t) => {
    const bob = await reloaded(t, kind, 600);
    const [servers] = await bob.evaluate(() => window.serversOfConnections);
    assert.ok(servers > 0, `${servers} servers`);
  });

  test(`a hub that names no servers delays a connection, and no more, in ${kind}`, async (t) => {
    const bob = await reloaded(t, kind, Infinity);
    assert.deepEqual(await bob.evaluate(() => window.serversOfConnections), [0]);
  });
}

// Somebody in a chat whose page loads anew, and hears of servers so many milliseconds late.
async function reloaded(t, kind, lateMs) {
  const world = await World.open(t);
  const [ada, bob] = await world.pair(kind, kind);
  await bob.connected();
  const script = `(${hearsLate})(${lateMs})`;
  await bob.page.evaluateOnNewDocument(script);
  await bob.reload();
  await bob.say("Here again");
  await bob.delivered("Here again");
  await ada.sees("Here again");
  return bob;
}

// Runs in a page: notes how many servers each connection is told of.
function hearsLate(lateMs) {
  window.serversOfConnections = [];
  const { fetch } = window;
  window.fetch = async (request, ...rest) => {
    if (new URL(request.url ?? request, location).pathname === "/ice") {
      await new Promise((resolve) => {
        if (Number.isFinite(lateMs)) setTimeout(resolve, lateMs);
      });
    }
    return fetch.call(window, request, ...rest);
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration, ...rest) {
      super(configuration, ...rest);
      window.serversOfConnections.push(configuration.iceServers.length);
    }
  };
}
