// axe-core looks at every screen, in both themes, at the width of a phone and of a desktop.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { HUB_IS_DOWN } from "../harness/tab.js";
import { World, closeBrowsers } from "../harness/world.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
// Firefox follows no theme that a test names; what axe says of colours is the same there.
const THEMES = { chromium: ["light", "dark"], firefox: ["light"] };
const SIZES = { phone: { width: 320, height: 640 }, desktop: { width: 1280, height: 800 } };

after(closeBrowsers);

// What axe finds on the screen as it is.
async function violations(person) {
  const { page } = person;
  if (!(await page.evaluate("typeof axe === 'object'"))) await page.evaluate(AXE);
  const found = await page.evaluate(`(async () => {
    // Where an animation ends is what a person reads.
    await Promise.all(document.getAnimations().map((animation) => {
      return animation.effect?.getTiming().iterations === Infinity || animation.finished;
    }));
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => ({
      id, help, nodes: nodes.slice(0, 3).map(({ html, failureSummary }) => [html, failureSummary]),
    }));
  })()`);
  return found;
}

// Looks at a screen in every theme and size. What it finds is told together at the end.
function looker(person, faults) {
  return async (screen) => {
    for (const [size, viewport] of Object.entries(SIZES)) {
      await person.page.setViewport(viewport);
      for (const theme of THEMES[person.kind]) {
        if (person.kind === "chromium") {
          await person.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
        }
        for (const violation of await violations(person)) {
          faults.push({ screen, size, theme, ...violation });
        }
      }
      const overflow = await person.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      );
      if (overflow > 0) faults.push({ screen, size, id: "scrolls sideways", overflow });
    }
    await person.page.setViewport(SIZES.desktop);
  };
}

function tell(faults) {
  assert.equal(faults.length, 0, JSON.stringify(faults, null, 1));
}

for (const kind of BROWSERS) {
  test(`the screens of a first visit are accessible in ${kind}`, async (t) => {
    const world = await World.open(t);
    const faults = [];
    const ada = await world.visitor(kind);
    const look = looker(ada, faults);
    await ada.text("name-submit");
    await look("first visit");
    await ada.press("name-submit");
    await ada.says("name-problem", /name/);
    await look("first visit without a name");
    await ada.press("welcome-import");
    await ada.text("import-submit");
    await look("first visit with a backup");
    const broken = await world.visitor(kind, `${world.hub.origin}/#broken`);
    await broken.says("invite-error", /invite/);
    await looker(broken, faults)("first visit by a broken invite");
    await ada.giveName("Ada");
    await ada.text("no-contacts");
    await look("nobody here yet");
    tell(faults);
  });

  test(`the screens of conversations are accessible in ${kind}`, async (t) => {
    const world = await World.open(t);
    const faults = [];
    const [ada, bob] = await world.pair(kind, kind);
    const look = looker(ada, faults);
    await bob.fill("composer", "Someone types");
    await ada.says("typing", /is typing/);
    await look("a conversation that begins");
    await bob.say("Look at https://example.org/ and say what you think");
    await ada.say("A reply that is so long that it takes more than one line in any window ".repeat(4));
    await ada.sees("Look at https://example.org/ and say what you think");
    await look("a conversation");
    await ada.press("message-more");
    await ada.text("message-dialog");
    await look("about a message");
    await ada.press("message-reply");
    await ada.text("replying");
    await look("a reply");
    for (const panel of ["invite", "add", "settings"]) {
      await ada.press(`${panel}-open`);
      if (panel === "invite") await ada.until("a link", () => document.querySelector('[data-testid="invite-link"]') !== null);
      if (panel === "settings") {
        await ada.evaluate(() => document.querySelectorAll("details").forEach((part) => (part.open = true)));
      }
      await look(panel);
      await ada.press("dialog-close");
      await ada.gone(`${panel}-dialog`);
    }
    await ada.press("contact-open");
    await ada.text("contact-dialog");
    await look("a contact");
    await ada.press("verify-open");
    await ada.says("safety-number", /\d{5}/);
    await look("a safety number");
    await ada.press("verify-yes");
    await ada.says("verified", /Verified/);
    await look("a verified contact");
    await ada.press("dialog-close");
    await ada.gone("verify-dialog");
    if (await ada.has("dialog-close")) await ada.press("dialog-close");
    await ada.gone("contact-dialog");
    await ada.fill("search-input", "think");
    await ada.says("search-count", /1 message/);
    await look("a search");
    await ada.fill("search-input", "");
    tell(faults);
  });

  test(`the screens of trouble are accessible in ${kind}`, async (t) => {
    const world = await World.open(t);
    const faults = [];
    const ada = await world.person(kind, "Ada");
    const look = looker(ada, faults);
    // Whoever never was at the hub is asked again, but only after a minute.
    await ada.invite();
    const strange = await world.native("Stranger");
    await ada.press("settings-open");
    const id = await ada.text("own-id");
    await ada.press("dialog-close");
    await strange.command("contact", "add", id, "--timeout", "0s");
    await ada.text("request-accept");
    await look("a request");
    ada.expect(...HUB_IS_DOWN);
    await world.hub.stop();
    await ada.says("banner-broker", /hub/);
    await look("the hub is down");
    await ada.page.setOfflineMode(true);
    await ada.says("banner-offline", /offline/);
    await look("offline");
    await ada.page.setOfflineMode(false);
    const second = await ada.secondTab();
    second.expect(...HUB_IS_DOWN);
    await second.says("banner-other-tab", /tab/);
    await looker(second, faults)("another tab leads");
    tell(faults);
  });
}
