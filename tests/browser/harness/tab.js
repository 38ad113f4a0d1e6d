// A tab of a browser: it waits for what a person would see, and keeps what went wrong in it.

import { PATIENCE_MS } from "./process.js";

// What browsers say by themselves and no page can help.
const OF_NO_MEANING = [
  /Unrecognized feature: 'web-share'/,
  // Firefox, of a socket that it closes itself: it goes offline, or the page loads itself anew.
  /The connection to ws.* was interrupted while the page was loading/,
];

// What browsers say of a hub that does not answer.
export const HUB_IS_DOWN = [
  /WebSocket connection to/,
  /can.t establish a connection to the server/,
  /Failed to load resource: net::ERR_/,
];

export class Tab {
  #faults = [];
  #expected = [];
  #log = [];

  constructor(page, kind) {
    this.page = page;
    this.kind = kind;
    page.on("console", (message) => {
      const text = message.text();
      this.#log.push(`${message.type()}: ${text}`);
      if (message.type() === "error") this.#note(`console: ${text}`);
    });
    page.on("pageerror", (error) => this.#note(`page: ${error.stack ?? error}`));
  }

  static async open(context, kind) {
    // A window of its own is visible, whatever else is open.
    const page = await context.newPage({ type: "window" });
    const tab = new this(page, kind);
    if (kind === "chromium") await page.emulateFocusedPage(true);
    return tab;
  }

  #note(text) {
    this.#log.push(text);
    if (!OF_NO_MEANING.some((known) => known.test(text))) this.#faults.push(text);
  }

  // From now on an error of this kind belongs to the test, as a refused connection does where
  // the hub is stopped.
  expect(...patterns) {
    this.#expected.push(...patterns);
  }

  // Errors of the page so far that no test asked for.
  faults() {
    return this.#faults.filter((text) => !this.#expected.some((known) => known.test(text)));
  }

  async goto(url) {
    await this.page.goto(url, { waitUntil: "domcontentloaded" });
  }

  async reload() {
    await this.page.reload({ waitUntil: "domcontentloaded" });
  }

  // Firefox gives the focus to one window at a time.
  async lookAt() {
    await this.page.bringToFront();
  }

  async close() {
    await this.page.close();
  }

  // Runs a function in the page. Its arguments must be JSON.
  evaluate(run, ...args) {
    return this.page.evaluate(`(${run})(...${JSON.stringify(args)})`);
  }

  // Waits in the page until `see` gives something true, and gives that. It looks again with each
  // change of the document, and a few times a second for what changes without one.
  async until(what, see, ...args) {
    const watch = `(async () => {
      const see = ${see};
      const args = ${JSON.stringify(args)};
      const look = async () => (document.body ? await see(...args) : null);
      const end = performance.now() + ${PATIENCE_MS};
      for (;;) {
        const seen = await look();
        if (seen) return seen;
        if (performance.now() > end) return null;
        await new Promise((resolve) => {
          const observer = new MutationObserver(() => { observer.disconnect(); resolve(); });
          observer.observe(document, {
            subtree: true, childList: true, attributes: true, characterData: true,
          });
          setTimeout(() => { observer.disconnect(); resolve(); }, 200);
        });
      }
    })()`;
    let seen;
    try {
      seen = await this.page.evaluate(watch);
    } catch (error) {
      // The page was loaded anew while we waited: so does the wait.
      if (!/context|destroyed|navigat|discarded|actor/i.test(error.message)) throw error;
      seen = await this.page.evaluate(watch);
    }
    if (!seen) throw new Error(`${what}: not seen in ${this.kind}.\n${await this.story()}`);
    return seen;
  }

  // What a report of a failure needs.
  async story() {
    const text = await this.evaluate(() => document.body.innerText).catch(String);
    const log = this.#log.slice(-20).join("\n  ");
    const others = (await this.world?.story()) ?? "";
    return `The page says:\n  ${text.replaceAll("\n", "\n  ")}\nThe console says:\n  ${log}\n${others}`;
  }

  // An element for tests: a name among the page's `data-testid`, or any selector.
  static at(name) {
    return /^[a-z-]+$/.test(name) ? `[data-testid="${name}"]` : name;
  }

  has(name) {
    return this.evaluate((at) => document.querySelector(at) !== null, Tab.at(name));
  }

  // The words of the first such element, once it is there and has some.
  text(name) {
    return this.until(`words in ${name}`, (at) => document.querySelector(at)?.textContent, Tab.at(name));
  }

  // Waits until the words of such an element match.
  says(name, pattern) {
    const { source, flags } = new RegExp(pattern);
    return this.until(
      `${name} that says ${pattern}`,
      (at, source, flags) => {
        const all = [...document.querySelectorAll(at)].map((element) => element.textContent);
        return all.find((text) => new RegExp(source, flags).test(text));
      },
      Tab.at(name),
      source,
      flags,
    );
  }

  gone(name) {
    return this.until(`no ${name}`, (at) => !document.querySelector(at), Tab.at(name));
  }

  // Presses what is there or comes, once it can be pressed.
  async press(name) {
    await this.until(
      `${name} to press`,
      (at) => {
        const element = document.querySelector(at);
        if (!element || element.disabled || !element.getClientRects().length) return false;
        element.click();
        return true;
      },
      Tab.at(name),
    );
  }

  // Chooses a file of this machine.
  async choose(name, path) {
    await this.until(`${name} to choose a file`, (at) => document.querySelector(at) !== null, Tab.at(name));
    const input = await this.page.$(Tab.at(name));
    await input.uploadFile(path);
  }

  // Writes into a field as a person who pastes does.
  async fill(name, text) {
    await this.until(
      `${name} to write in`,
      (at, text) => {
        const field = document.querySelector(at);
        if (!field) return false;
        field.focus();
        const kind = field.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
        Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, text);
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
        field.dispatchEvent(new Event("change", { bubbles: true }));
        return true;
      },
      Tab.at(name),
      text,
    );
  }
}
