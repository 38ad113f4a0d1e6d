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

  test(`an open connection gets new credentials before the old ones expire in ${kind}`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    await bob.connected();
    await bob.page.evaluateOnNewDocument(`(${keepsRenewal})(${RENEWAL_MS})`);
    await bob.reload();
    await bob.say("Here again");
    await bob.delivered("Here again");
    await bob.until("a time-out for the renewal", () => window.renewal !== undefined);
    const before = await bob.evaluate(() => window.usernames.length);

    await bob.evaluate(() => window.renewal());
    await bob.until("new credentials", (count) => window.usernames.length > count, before);

    const usernames = await bob.evaluate(() => window.usernames);
    assert.match(usernames.at(-1), /^\d+:./);
    assert.ok(parseInt(usernames.at(-1)) >= parseInt(usernames[0]), usernames.join(" "));
    await ada.say("Still there?");
    await bob.sees("Still there?");
    await ada.delivered("Still there?");
  });
}

// 80 % of the hour for which the hub gives credentials.
const RENEWAL_MS = 0.8 * 3_600_000;

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

// Runs in a page: gives the time-out of the renewal to the test as `renewal`, and notes the user
// names for a relay that a connection is told of after it was made.
function keepsRenewal(renewalMs) {
  window.usernames = [];
  const { setTimeout } = window;
  window.setTimeout = (call, delay, ...rest) => {
    if (delay === renewalMs) window.renewal = () => { call(...rest); };
    return setTimeout.call(window, call, delay, ...rest);
  };
  const { setConfiguration } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setConfiguration = function noted(configuration) {
    setConfiguration.call(this, configuration);
    const { username } = configuration.iceServers.find((server) => server.username) ?? {};
    window.usernames.push(username);
  };
}
