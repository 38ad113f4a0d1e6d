// Five tabs, each of which talks to each: until all twenty directions are verified.

import { figure, median, repeat } from "./figures.js";

const NAMES = ["Ada", "Bob", "Eve", "Kim", "Leo"];

export async function mesh(world, kind) {
  const people = [];
  for (const name of NAMES) {
    const person = await world.person(kind, name);
    for (const other of people) await person.add(await other.invite());
    people.push(person);
  }
  for (const person of people) await person.toList();
  const samples = await repeat(async (nth) => {
    await Promise.all(people.map((person) => person.toList()));
    // Only who was gone and came back is surely not connected any more.
    await Promise.all(people.map((person) => person.goto("about:blank")));
    await Promise.all(people.map((person) => person.goto(world.hub.origin)));
    await Promise.all(people.map((person) => person.seesOnline(true, NAMES.length - 1)));
    const start = performance.now();
    await Promise.all(people.map((person) => toAll(person, `Mesh ${nth}`)));
    return performance.now() - start;
  });
  figure(`${kind}: 5 tabs, full mesh, all 20 directions`, median(samples), "ms", 1_000);
  for (const person of people) await person.profile.context.close();
}

// Says it to everyone, and waits until everyone has it: a message is delivered over a verified
// connection only.
function toAll(person, text) {
  return person.until(`${text} delivered to all`, async (text) => {
    const rows = () => [...document.querySelectorAll('[data-testid="contact"]')];
    const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
    const ids = rows().map((row) => row.dataset.id);
    if (window.said !== text) {
      window.said = text;
      for (const id of ids) {
        rows().find((row) => row.dataset.id === id).click();
        let field;
        while (!(field = document.querySelector('[data-testid="composer"]')) || field.dataset.of === "old") {
          await turn();
        }
        Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, text);
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
        const key = { key: "Enter", code: "Enter", bubbles: true, cancelable: true };
        field.dispatchEvent(new KeyboardEvent("keydown", key));
        field.dataset.of = "old";
      }
    }
    const lasts = [...document.querySelectorAll('[data-testid="contact-last"]')];
    const done = (last) => /You \((Delivered|Read)\)/.test(last.textContent) || !/You/.test(last.textContent);
    return lasts.length === ids.length && lasts.every(done);
  }, text);
}
