// What one is told of while one looks elsewhere.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

// Someone whose notifications are written down as the browser takes them.
async function listener(world) {
  const profile = await world.profile("chromium");
  await profile.context.overridePermissions(world.hub.origin, ["notifications"]);
  const person = await profile.tab();
  await person.page.evaluateOnNewDocument(() => {
    window.told = [];
    window.Notification = class extends Notification {
      constructor(title, options) {
        super(title, options);
        window.told.push([title, options.body]);
      }
    };
  });
  await person.goto(world.hub.origin);
  await person.giveName("Ada");
  return person;
}

// The person looks at something else, or back.
async function looks(person, here) {
  await person.page.emulateFocusedPage(here);
  await person.evaluate((here) => {
    document.hasFocus = () => here;
    window.dispatchEvent(new Event(here ? "focus" : "blur"));
  }, here);
}

const told = (person) => person.until("a notification", () => window.told.length && window.told);

test("a message that nobody looks at is told of, with its words only if one wants that", async (t) => {
  const world = await World.open(t);
  const ada = await listener(world);
  const bob = await world.guest("chromium", "Bob", await ada.invite());
  await ada.openChat("Bob");
  await Promise.all([ada.connected(), bob.connected()]);
  await ada.press("settings-open");
  await ada.press("settings-notify");
  await ada.press("dialog-close");
  await ada.gone("settings-dialog");

  await bob.say("One looks");
  await ada.sees("One looks");
  assert.deepEqual(await ada.evaluate(() => window.told), []);

  await looks(ada, false);
  await bob.say("Nobody looks");
  assert.deepEqual(await told(ada), [["Bob", "New message"]]);
  await ada.until("the count in the title", () => document.title.startsWith("(1) "));

  await looks(ada, true);
  await ada.until("no count in the title", () => document.title === "Tincan");
  await ada.press("settings-open");
  await ada.press("settings-notify-words");
  await ada.press("dialog-close");
  await ada.gone("settings-dialog");
  await ada.evaluate(() => (window.told = []));
  await looks(ada, false);
  // One contact is told of once in two seconds.
  await ada.evaluate(() => new Promise((resolve) => setTimeout(resolve, 2_000)));
  await bob.say("These are the words");
  assert.deepEqual(await told(ada), [["Bob", "These are the words"]]);
});
