// Five people, each of whom talks to each.

import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

const NAMES = ["Ada", "Bob", "Eve", "Kim", "Leo"];

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`all twenty directions between five people work in ${kind}`, async (t) => {
    const world = await World.open(t);
    const people = [];
    for (const name of NAMES) {
      const person = await world.person(kind, name);
      for (const other of people) await person.add(await other.invite());
      people.push(person);
    }
    const say = async (person) => {
      for (const other of people.filter((other) => other !== person)) {
        await person.openChat(other.name);
        await person.say(`${person.name} to ${other.name}`);
        await person.delivered(`${person.name} to ${other.name}`);
      }
    };
    await Promise.all(people.map(say));
    for (const person of people) {
      for (const other of people.filter((other) => other !== person)) {
        await person.openChat(other.name);
        await person.connected();
        await person.sees(`${other.name} to ${person.name}`);
      }
    }
  });
}
