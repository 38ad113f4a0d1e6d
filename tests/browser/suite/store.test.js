// What every store must do (tests/store-suite), on IndexedDB in each browser. The module is the
// bare one of `cargo xtask web --features tincan-web/store-suite`.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { BROWSERS } from "../harness/engine.js";
import { serve } from "../harness/site.js";
import { browser, closeBrowsers } from "../harness/world.js";
import { Tab } from "../harness/tab.js";

const BARE_PAGE = fileURLToPath(new URL("../../../target/web-test", import.meta.url));

after(closeBrowsers);

for (const kind of BROWSERS) {
  test(`IndexedDB of ${kind} is a store as SQLite is`, async (t) => {
    const site = await serve(BARE_PAGE);
    t.after(site.close);
    const { browser: engine } = await browser(kind);
    const context = await engine.createBrowserContext();
    t.after(() => context.close());
    const tab = await Tab.open(context, kind);
    await tab.goto(site.origin);
    await tab.until("the module", () => window.ready?.then(() => true));
    const outcomes = JSON.parse(await tab.evaluate(() => window.tincan.store_suite()));
    assert.ok(outcomes.length > 10, "there are cases");
    for (const { name, wrong, millis } of outcomes) {
      await t.test(`${name} (${millis} ms there)`, () => assert.equal(wrong, null));
    }
  });
}
