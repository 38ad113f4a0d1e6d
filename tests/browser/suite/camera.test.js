// Reading an invite with the camera. The browsers here have no reader of codes of their own
// (`BarcodeDetector`), so the test brings one that reads what it is told; camera, permission and
// page are the real ones.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

const CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

// Someone whose browser reads codes, before the page is there.
async function reader(world, flags) {
  const profile = await world.profile("chromium", { flags });
  const person = await profile.tab();
  await person.page.evaluateOnNewDocument(() => {
    window.BarcodeDetector = class {
      async detect(video) {
        // A picture of the camera is there, or nothing is read.
        return window.shown && video.videoWidth > 0 ? [{ rawValue: window.shown }] : [];
      }
    };
  });
  await person.goto(world.hub.origin);
  await person.giveName("Bob");
  return person;
}

test("an invite that is held before the camera makes a contact", async (t) => {
  const world = await World.open(t);
  const ada = await world.person("chromium", "Ada");
  const invite = await ada.invite();
  const bob = await reader(world, CAMERA);
  await bob.press("add-open");
  await bob.press("scan-open");
  await bob.until("a picture", () => document.querySelector("video")?.videoWidth > 0);
  await bob.evaluate((invite) => (window.shown = invite), invite);
  await bob.gone("add-dialog");
  await bob.says("chat-name", /^Ada$/);
  await ada.openChat("Bob");
  await Promise.all([ada.connected(), bob.connected()]);
  assert.equal(await bob.has("video"), false, "the camera is off");
});

test("a camera that was not allowed is said to be so, and the link can be pasted", async (t) => {
  const world = await World.open(t);
  const ada = await world.person("chromium", "Ada");
  const invite = await ada.invite();
  const bob = await reader(world, CAMERA.slice(0, 1));
  await bob.press("add-open");
  await bob.press("scan-open");
  await bob.says("banner-camera", /The camera was not allowed/);
  await bob.fill("add-input", invite);
  await bob.press("add-submit");
  await bob.says("chat-name", /^Ada$/);
});
