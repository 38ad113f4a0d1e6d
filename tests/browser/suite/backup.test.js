// One file with everything, from the native node into the page and from the page to the node.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { temporaryFolder } from "../harness/folder.js";
import { World, closeBrowsers } from "../harness/world.js";

const PASSPHRASE = "four words are good";

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`a native backup becomes the same person in ${kind}`, async (t) => {
    const world = await World.open(t);
    const folder = await temporaryFolder();
    t.after(folder.remove);
    const nora = await world.native("Nora");
    const ada = await world.person("chromium", "Ada");
    const contact = await nora.take(await ada.invite());
    await nora.send(contact, "Said before the backup");
    const file = join(folder.path, "nora.backup");
    await nora.export(file, PASSPHRASE);
    await nora.stop();

    const page = await world.visitor(kind);
    await page.press("welcome-import");
    await page.choose("import-file", file);
    await page.fill("import-passphrase", "not the passphrase");
    await page.press("import-submit");
    await page.says("import-problem", /passphrase/i);
    await page.fill("import-passphrase", PASSPHRASE);
    await page.press("import-submit");
    // Whoever has a name by it is past the first visit.
    await page.openChat("Ada");
    await page.shows(["Said before the backup"]);
    await page.say("Said from the page");
    await page.delivered("Said from the page");
    await ada.openChat("Nora");
    await ada.shows(["Said before the backup", "Said from the page"]);
  });

  test(`a backup of ${kind} becomes the same person in the terminal`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, "chromium");
    await ada.say("Said before the backup");
    await ada.delivered("Said before the backup");
    const folder = await temporaryFolder();
    t.after(folder.remove);
    await ada.page.evaluate(KEEP_DOWNLOADS);
    await ada.press("settings-open");
    await ada.press("export-open");
    await ada.evaluate(() => (document.querySelector('[data-testid="export-open"]').open = true));
    await ada.fill("export-passphrase", PASSPHRASE);
    await ada.fill("export-again", PASSPHRASE);
    await ada.press("export-submit");
    const bytes = await ada.until("the file", () => window.saved);
    await ada.close();

    const file = join(folder.path, "ada.backup");
    await writeFile(file, bytes, "base64");
    const nora = await world.imported(file, PASSPHRASE);
    const contact = await nora.onlyContact();
    assert.deepEqual(await nora.texts(contact), ["Said before the backup"]);
    await nora.send(contact, "Said from the terminal");
    await bob.sees("Said from the terminal");
  });
}

// Runs in the page: what would be saved is kept as base64 text.
const KEEP_DOWNLOADS = `(() => {
  const real = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    const reader = new FileReader();
    reader.onload = () => (window.saved = reader.result.split(",")[1]);
    reader.readAsDataURL(blob);
    return real.call(URL, blob);
  };
})()`;
