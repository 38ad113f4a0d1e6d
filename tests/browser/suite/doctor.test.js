// The connection check in the settings, at a real hub whose relay serves this machine.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { HUB_IS_DOWN } from "../harness/tab.js";
import { World, closeBrowsers } from "../harness/world.js";

after(closeBrowsers);

// What a person will wait for.
const QUICK_MS = 5_000;

// Starts it and waits for the findings.
async function look(person) {
  await person.press("settings-open");
  await person.press("doctor-start");
  const summary = await person.text("doctor-summary");
  const findings = await person.evaluate(() =>
    [...document.querySelectorAll('[data-testid="finding"]')].map((element) => ({
      code: element.dataset.code,
      verdict: element.dataset.verdict,
      text: element.textContent,
    })),
  );
  const codes = (part) => findings.filter(({ text }) => text.includes(part)).map(({ code }) => code);
  return { summary, findings, codes };
}

for (const kind of BROWSERS) {
  test(`all of it works in ${kind} at a good hub, and a report names nobody`, async (t) => {
    const world = await World.open(t, { hub: ["--relay-private"] });
    const ada = await world.person(kind, "Ada");
    const began = Date.now();
    const { summary, findings, codes } = await look(ada);
    const took = Date.now() - began;
    const told = JSON.stringify(findings, null, 2);
    assert.match(summary, /^A chat will work/, told);
    assert.deepEqual(codes("hub "), ["hub_answers"], told);
    assert.deepEqual(codes("clock "), ["clock_right"], told);
    assert.deepEqual(codes("broker "), ["broker_reached", "broker_reached"], told);
    assert.deepEqual(codes("relay The"), ["relay_works", "relay_works", "relay_works"], told);
    assert.ok(findings.some(({ code }) => code === "udp_works"), told);
    // How fast this machine's disk is just now is its own matter.
    assert.ok(findings.some(({ code }) => /^storage_(works|slow)$/.test(code)), told);
    assert.ok(findings.every(({ verdict }) => verdict !== "problem"), told);
    assert.ok(took < QUICK_MS, `${took} ms`);

    await ada.page.evaluate(() => {
      navigator.clipboard.writeText = async (text) => void (window.copied = text);
    });
    await ada.press("doctor-copy");
    const report = await ada.until("a report in the clipboard", () => window.copied);
    assert.match(report, /^tincan \d+\.\d+\.\d+, (Chrome|Firefox)\n/);
    const host = new URL(world.hub.origin).hostname;
    for (const name of [host, "Ada", "tin1"]) assert.ok(!report.includes(name), report);
    assert.ok(report.includes(summary), report);
  });

  test(`a hub that is gone is told as a problem in ${kind}`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    ada.expect(...HUB_IS_DOWN, /Cross-Origin Request Blocked/, /NetworkError/);
    // What is loaded later is there before the hub is not.
    await ada.press("settings-open");
    await ada.text("own-id");
    await ada.press("dialog-close");
    await ada.gone("settings-dialog");
    await world.hub.stop();
    const { summary, codes } = await look(ada);
    assert.match(summary, /^A chat does not work yet/);
    assert.deepEqual(codes("hub "), ["no_answer"]);
  });
}
