// Somebody with the page, in a browser on a machine of the NAT laboratory (tests/natlab). Deeds
// come on standard input, each a line of JSON, and so do their answers on standard output. The
// browser ends with the input.
//
// node lab/visitor.js chromium|firefox ORIGIN [AUTHORITY]

import { createInterface } from "node:readline";

import { launch } from "../harness/engine.js";
import { Person } from "../harness/person.js";

const [kind, origin, authority] = process.argv.slice(2);

// A page needs a secure context. Where the laboratory's hub speaks no TLS, and it is not on loopback,
// the browser is told to trust its name. Addresses stay hidden, as people have it.
const plain = {
  flags:
    kind === "chromium"
      ? [`--unsafely-treat-insecure-origin-as-secure=${origin}`, "--disable-features=HttpsUpgrades"]
      : [],
  preferences: { "dom.securecontext.allowlist": new URL(origin).hostname },
};
const engine = await launch(kind, {
  hidden: true,
  loopback: false,
  ...(authority ? { authority } : plain),
});
const context = await engine.browser.createBrowserContext();
const person = await Person.open(context, kind);

const DEEDS = {
  // Follows an invite, and is in the conversation.
  async follow({ link, name }) {
    await person.goto(link);
    await person.giveName(name);
    await person.text("chat-name");
  },
  // Leaves the page, and comes back to its list later, as to one that was never there.
  leave: () => person.goto("about:blank"),
  async comeBack() {
    await person.goto(new URL("/", origin).href);
    await person.seesOnline(true);
    await person.gone("composer");
  },
  openChat: ({ name }) => person.openChat(name),
  // Says something, and waits until it is delivered.
  async say({ text }) {
    await person.say(text);
    await person.delivered(text);
  },
  sees: ({ text }) => person.sees(text),
  // Waits until the page says that they are connected so: "direct" or "relay". It looks every few
  // seconds, since not every browser tells it of a new path.
  connected: ({ kind }) =>
    person.until(
      `the badge ${kind}`,
      (kind) => document.querySelector('[data-testid="badge"]')?.dataset.kind === kind,
      kind,
    ),
  // What the page complained about.
  faults: () => person.faults(),
};

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

answer({ ok: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  const { deed, ...details } = JSON.parse(line);
  try {
    answer({ ok: (await DEEDS[deed](details)) ?? true });
  } catch (error) {
    answer({ error: error.message });
  }
}
await engine.close();
