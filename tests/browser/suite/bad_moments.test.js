// Hard moments: each has a sentence for the person.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { HUB_IS_DOWN } from "../harness/tab.js";
import { World, closeBrowsers } from "../harness/world.js";

const DAY_MS = 86_400_000;

after(closeBrowsers);

for (const kind of BROWSERS) {
  // A visitor on whose page this runs before anything else does.
  const prepared = async (world, run, ...args) => {
    const profile = await world.profile(kind);
    const person = await profile.tab();
    await person.page.evaluateOnNewDocument(`(${run})(...${JSON.stringify(args)})`);
    await person.goto(world.hub.origin);
    return person;
  };

  test(`an invite that is broken, old, newer or not ours has its sentence in ${kind}`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    const link = await ada.invite();
    const [place, code] = link.split("#");
    const version = Buffer.from(code.slice(0, 4), "base64url");
    version[0] += 1;
    const newer = `${place}#${version.toString("base64url")}${code.slice(4)}`;
    const cases = [
      [`${place}#${code.slice(0, 40)}`, /damaged or cut off/],
      [`${place}#nonsense!`, /not an invite|damaged/],
      [newer, /newer version/],
    ];
    for (const [url, sentence] of cases) {
      const visitor = await world.visitor(kind, url);
      await visitor.says("invite-error", sentence);
      // It keeps nobody out.
      await visitor.giveName("Bob");
      await visitor.text("no-contacts");
    }

    await ada.press("add-open");
    const far = link.replace(world.hub.origin, "https://elsewhere.example");
    await ada.fill("add-input", far);
    await ada.press("add-submit");
    await ada.says("add-problem", /belongs to .*elsewhere\.example/);
    await ada.fill("add-input", link);
    await ada.press("add-submit");
    await ada.says("add-problem", /own invite/);
    await ada.fill("add-input", "some words");
    await ada.press("add-submit");
    await ada.says("add-problem", /not an invite/);
  });

  test(`an expired invite has its sentence in ${kind}`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    const link = await ada.invite();
    const bob = await prepared(world, shiftClock, 365 * DAY_MS);
    await bob.goto(`${link}`);
    await bob.reload();
    await bob.goto(link.replace("/#", "/?#"));
    await bob.says("invite-error", /expired/);
  });

  test(`a clock that is off by a day has its sentence in ${kind}, and messages go`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    for (const [days, sentence] of [[1, /ahead of the hub/], [-1, /behind the hub/]]) {
      const bob = await prepared(world, shiftClock, days * DAY_MS);
      await bob.giveName("Bob");
      await bob.says("banner-clock", sentence);
      await bob.add(await ada.invite());
      await bob.say(`From ${days} days away`);
      await bob.delivered(`From ${days} days away`);
    }
  });

  test(`a hub that is down has its sentence in ${kind}, and the page opens all the same`, async (t) => {
    const world = await World.open(t);
    const ada = await world.visitor(kind);
    ada.expect(...HUB_IS_DOWN);
    await ada.until("the service worker", async () => {
      const registration = await navigator.serviceWorker.ready;
      return registration.active?.state === "activated";
    });
    await world.hub.stop();
    await ada.reload();
    await ada.says("banner-broker", /hub can't be reached/);
    await ada.giveName("Ada");
    await ada.text("no-contacts");
    await world.hub.startAgain();
    await ada.press("broker-retry");
    await ada.gone("banner-broker");
  });

  test(`storage that is refused has its sentence in ${kind}`, async (t) => {
    const world = await World.open(t);
    const refused = await prepared(world, () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("The operation is insecure.", "SecurityError");
      };
    });
    await refused.says("start-error", /does not let the page store anything.*private window/);
    const none = await prepared(world, () => {
      Object.defineProperty(window, "indexedDB", { value: undefined });
    });
    await none.says("start-error", /does not let the page store anything|lacks/);
  });

  test(`a database of a newer version has its sentence in ${kind}`, async (t) => {
    const world = await World.open(t);
    const profile = await world.profile(kind);
    const ada = await profile.tab();
    // Chromium looks for an icon where there is no page.
    ada.expect(/Failed to load resource.*404/);
    await ada.goto(`${world.hub.origin}/config.json`);
    await ada.evaluate(async () => {
      const opening = indexedDB.open("tincan", 1_000_000);
      await new Promise((resolve) => (opening.onsuccess = resolve));
      opening.result.close();
    });
    await ada.goto(world.hub.origin);
    await ada.says("start-error", /newer version of Tincan has been used/);
  });

  test(`a full disk has its sentence in ${kind}, and nothing is shown as sent`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    await ada.say("There is room");
    await bob.sees("There is room");
    await ada.delivered("There is room", ["read"]);
    await ada.evaluate(() => {
      const { put, add } = IDBObjectStore.prototype;
      const full = function () {
        throw new DOMException("There is no room left.", "QuotaExceededError");
      };
      Object.assign(IDBObjectStore.prototype, { put: full, add: full });
      window.makeRoom = () => void Object.assign(IDBObjectStore.prototype, { put, add });
    });
    await ada.say("There is none");
    await ada.says("composer-problem", /not saved, and so not sent/i);
    assert.equal(await ada.evaluate(() => document.querySelector('[data-testid="composer"]').value), "There is none");
    await ada.evaluate(() => window.makeRoom());
    await ada.say("There is room again");
    await bob.shows(["There is room", "There is room again"]);
  });

  test(`a message while the database of ${kind} is closing is kept or given back`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, kind);
    await ada.say("Before");
    await ada.delivered("Before");
    // A newer page asks for the database between two messages, and changes its mind.
    await ada.evaluate(async () => {
      const field = document.querySelector('[data-testid="composer"]');
      const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
      const key = { key: "Enter", code: "Enter", bubbles: true, cancelable: true };
      const say = (text) => {
        set.call(field, text);
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
        field.dispatchEvent(new KeyboardEvent("keydown", key));
      };
      say("Just before");
      const opening = indexedDB.open("tincan", 1_000_000);
      opening.onupgradeneeded = () => opening.transaction.abort();
      say("Just after");
      await new Promise((resolve) => (opening.onerror = opening.onsuccess = resolve));
    });
    // Each browser has its own idea of who is first: a message is shown, or stands in the box again.
    const whole = await ada.until("both messages, wherever they are", () => {
      const shown = [...document.querySelectorAll('[data-testid="message-text"]')];
      const written = document.querySelector('[data-testid="composer"]').value;
      const all = [...shown.map((element) => element.textContent), written].filter(Boolean);
      return all.join("\n").includes("Just before") && all.join("\n").includes("Just after") && all;
    });
    assert.equal(whole[0], "Before");
    const written = await ada.evaluate(inTheBox);
    await ada.say([written, "When it is closed"].filter(Boolean).join("\n"));
    await ada.says("composer-problem", /newer version/);
    const given = await ada.evaluate(inTheBox);
    const all = ["Before", "Just before", "Just after", "When it is closed"];
    const kept = all.filter((text) => !given.split("\n").includes(text));
    assert.ok(!kept.includes("When it is closed"), given);
    await ada.shows(kept);
    await ada.reload();
    await ada.connected();
    assert.equal(await ada.evaluate(inTheBox), given, "what was given back is still there");
    await ada.shows(kept);
    await bob.shows(kept);
    await ada.say(given);
    await ada.delivered(given);
    await bob.shows([...kept, given]);
  });

  test(`a browser without WebRTC has its sentence in ${kind}, and messages wait`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    const bob = await prepared(world, () => {
      delete window.RTCPeerConnection;
    });
    await bob.giveName("Bob");
    await bob.says("banner-webrtc", /no WebRTC/);
    await bob.add(await ada.invite());
    await bob.say("Waits");
    await bob.delivered("Waits", ["queued"]);
  });
}

// Runs in the page: what stands in the composer.
function inTheBox() {
  return document.querySelector('[data-testid="composer"]').value;
}

// Runs in the page: its clock is off by so much.
function shiftClock(byMs) {
  const Real = Date;
  const now = () => Real.now() + byMs;
  window.Date = new Proxy(Real, {
    construct: (target, args) => (args.length ? new Real(...args) : new Real(now())),
    get: (target, name) => (name === "now" ? now : target[name]),
  });
}
