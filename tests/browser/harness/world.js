// Everything of one test: a hub, browsers with people, native nodes. It is ended with the test,
// and fails it for what a page complained about.

import assert from "node:assert/strict";

import { launch } from "./engine.js";
import { Hub } from "./hub.js";
import { Native } from "./native.js";
import { Person } from "./person.js";

// Browsers of this test file: one of each kind serves all of its tests, each person in a profile
// of their own. Options make another one.
const running = new Map();

export async function browser(kind, options = {}) {
  const key = JSON.stringify([kind, options]);
  if (!running.has(key)) running.set(key, launch(kind, options));
  return running.get(key);
}

// Call it in `after` of each file.
export async function closeBrowsers() {
  const all = await Promise.allSettled(running.values());
  running.clear();
  await Promise.all(all.map(({ value }) => value?.close()));
}

export class World {
  #people = [];
  #natives = [];
  #ends = [];

  static async open(t, { hub = [] } = {}) {
    const world = new World();
    world.hub = await Hub.start(hub);
    t.after(() => world.#end());
    return world;
  }

  // What those who have no page know of a failure.
  async story() {
    const native = async (node) => `${node.name ?? "A native node"} says:\n  ${await node.story()}`;
    const natives = await Promise.all(this.#natives.map(native));
    return [...natives, `The hub says:\n  ${this.hub.errors}`].join("\n");
  }

  async #end() {
    const faults = this.#people.flatMap((person) =>
      person.faults().map((fault) => `${person.name ?? "a visitor"} in ${person.kind}: ${fault}`),
    );
    for (const end of this.#ends.reverse()) await end().catch(() => {});
    await this.hub.stop();
    assert.deepEqual(faults, [], "the pages complain about nothing");
  }

  // A profile of its own in a browser of this kind: `tab` opens tabs of one and the same person.
  async profile(kind, options = {}) {
    const { browser: engine, kill } = await browser(kind, options);
    const context = await engine.createBrowserContext();
    this.#ends.push(() => context.close());
    const tab = async () => {
      const person = await Person.open(context, kind);
      person.profile = profile;
      person.world = this;
      this.#people.push(person);
      return person;
    };
    const profile = { kind, context, tab, kill };
    return profile;
  }

  // Someone new with the page open.
  async visitor(kind, url = this.hub.origin, options = {}) {
    const profile = await this.profile(kind, options);
    const person = await profile.tab();
    person.kill = profile.kill;
    await person.goto(url);
    return person;
  }

  // Someone with a name and no contacts.
  async person(kind, name, options = {}) {
    const person = await this.visitor(kind, this.hub.origin, options);
    await person.giveName(name);
    return person;
  }

  // Someone who follows an invite link, gives a name, and is in the conversation.
  async guest(kind, name, invite, options = {}) {
    const person = await this.visitor(kind, invite, options);
    await person.giveName(name);
    return person;
  }

  // Two people who are connected and look at their conversation.
  async pair(first, second, options = {}) {
    const ada = await this.person(first, "Ada", options);
    const invite = await ada.invite();
    const bob = await this.guest(second, "Bob", invite, options);
    await ada.openChat("Bob");
    await Promise.all([ada.connected(), bob.connected()]);
    return [ada, bob];
  }

  // A native node with what a backup holds.
  async imported(file, passphrase) {
    const node = await Native.imported(file, passphrase, this.hub);
    this.#ends.push(() => node.end());
    return node;
  }

  async native(name) {
    const node = await Native.start(name, this.hub);
    this.#natives.push(node);
    this.#ends.push(() => node.end());
    return node;
  }
}
