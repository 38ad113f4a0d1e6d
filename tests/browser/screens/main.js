// The pictures of the README: three people talk, and the page is looked at in both themes, as wide
// as a desktop and as a phone. They go to docs/screens.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { World, closeBrowsers } from "../harness/world.js";

const FOLDER = fileURLToPath(new URL("../../../docs/screens/", import.meta.url));
const DESKTOP = { width: 1120, height: 700, deviceScaleFactor: 1 };
const PHONE = { width: 390, height: 700, deviceScaleFactor: 1 };

async function picture(person, name, viewport, theme) {
  await person.page.setViewport(viewport);
  await person.page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  await person.evaluate(async () => {
    await document.fonts.ready;
    await Promise.all(document.getAnimations().map((animation) => animation.finished));
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  });
  await person.page.screenshot({ path: `${FOLDER}${name}-${theme}.png`, optimizeForSpeed: false });
}

async function pictures(person, name, viewport) {
  for (const theme of ["light", "dark"]) await picture(person, name, viewport, theme);
}

async function talk() {
  const ends = [];
  const world = await World.open({ after: (end) => ends.push(end) });
  try {
    const alice = await world.person("chromium", "Alice");
    await alice.page.setViewport(DESKTOP);
    const invite = await alice.invite();
    const bob = await world.guest("chromium", "Bob", invite);
    const carol = await world.guest("chromium", "Carol", await alice.invite());
    await alice.openChat("Carol");
    await carol.connected();
    await carol.say("The tickets are here, see you at the station.");
    await alice.sees("The tickets are here, see you at the station.");
    await alice.openChat("Bob");
    await Promise.all([alice.connected(), bob.connected()]);
    const words = [
      [bob, "Hello Alice, I followed your link."],
      [alice, "That was quick! No account, no app to install?"],
      [bob, "No. I gave a name, and here I am."],
      [alice, "And nobody in between keeps what we say."],
      [bob, "Only your disk and mine. What happens when I close the tab?"],
      [alice, "Then it waits here, and arrives when you are back."],
      [bob, "Good. The plan for Saturday is at https://example.org/walk"],
      [alice, "Ten o'clock at the bridge, then the long way round."],
    ];
    for (const [person, text] of words) {
      await person.say(text);
      await (person === alice ? bob : alice).sees(text);
      await person.delivered(text);
    }
    await alice.delivered(words.at(-1)[1], ["read"]);
    for (const person of [alice, bob]) {
      await person.evaluate(() => document.querySelector('[data-testid="banner-storage"] button[aria-label]')?.click());
      await person.gone("banner-storage");
    }
    await pictures(alice, "conversation", DESKTOP);
    await pictures(bob, "phone", PHONE);
    await alice.page.setViewport(DESKTOP);
    await alice.press("invite-open");
    await alice.until("an invite link", () => document.querySelector('[data-testid="invite-link"]') !== null);
    await pictures(alice, "invite", DESKTOP);
  } finally {
    for (const end of ends) await end();
    await closeBrowsers();
  }
}

mkdirSync(FOLDER, { recursive: true });
await talk();
