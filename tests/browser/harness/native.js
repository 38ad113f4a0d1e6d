// A native node: `tincan listen` on a home of its own, asked over its control socket.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Control } from "./control.js";
import { temporaryFolder } from "./folder.js";
import { Process } from "./process.js";

// The most messages that one answer holds.
const PAGE = 1_000;

export class Native {
  #hub;
  #folder;
  #process;
  #control;

  static async start(name, hub) {
    const node = new Native();
    node.name = name;
    node.#hub = hub;
    node.#folder = await temporaryFolder();
    await node.startAgain();
    return node;
  }

  // One with what a backup holds.
  static async imported(file, passphrase, hub) {
    const node = new Native();
    node.#hub = hub;
    node.#folder = await temporaryFolder();
    await node.command("import", file, "--passphrase-file", await node.#passphraseFile(passphrase));
    await node.startAgain();
    return node;
  }

  // Writes a backup.
  async export(file, passphrase) {
    await this.command("export", file, "--passphrase-file", await this.#passphraseFile(passphrase));
  }

  async #passphraseFile(passphrase) {
    const path = join(this.home, "passphrase");
    await writeFile(path, `${passphrase}\n`, { mode: 0o600 });
    return path;
  }

  get home() {
    return this.#folder.path;
  }

  async startAgain() {
    const name = this.name ? ["--name", this.name] : [];
    this.#process = this.#begin(...name, "listen", "--json");
    this.#control = await Control.open(join(this.home, "control.sock"));
    await this.ask({ subscribe: true });
    const { status } = await this.ask({ command: "get_status" });
    if (status.broker.state !== "connected") {
      await this.event("the broker", ({ event, state }) => {
        return event === "broker" && state === "connected";
      });
    }
  }

  #begin(...words) {
    return new Process(["--home", this.home, "--hub", this.#hub.origin, ...words]);
  }

  ask(request) {
    return this.#control.ask(request);
  }

  event(what, wanted, fresh = false) {
    return this.#control.event(what, wanted, fresh);
  }

  // Another command on its home; gives the lines that it printed.
  command(...words) {
    return this.#begin(...words).output();
  }

  async invite() {
    const [line] = await this.command("invite", "--json");
    return JSON.parse(line).link;
  }

  // Follows an invite and waits until it is accepted; gives the id of who invited.
  async take(link) {
    await this.command("contact", "add", link, "--timeout", "30s");
    return this.onlyContact();
  }

  async onlyContact() {
    const { contacts } = await this.ask({ command: "list_contacts" });
    return contacts[0].id;
  }

  // Sends a message; gives it as soon as it is on the disk.
  async say(contact, content) {
    const { message } = await this.ask({ command: "send_message", contact, content });
    return message;
  }

  // Sends a message and waits until it is delivered.
  async send(contact, content) {
    const { id } = await this.say(contact, content);
    await this.event(`that “${content}” is delivered`, ({ event, ids, state }) => {
      return event === "delivery" && ["delivered", "read"].includes(state) && ids.includes(id);
    });
  }

  // Waits until nothing waits for delivery to this contact any more, however long it takes as
  // long as it goes on.
  async delivered(contact) {
    for (let before = Infinity; ; ) {
      const { contacts } = await this.ask({ command: "list_contacts" });
      const { waiting } = contacts.find(({ id }) => id === contact);
      if (waiting === 0) return;
      if (waiting >= before) await this.event("a delivery", () => true, true);
      before = waiting;
    }
  }

  // The whole conversation, oldest first.
  async history(contact) {
    let all = [];
    for (;;) {
      const [first] = all;
      const before = first && { h: first.h, outgoing: first.outgoing, id: first.id };
      const page = await this.ask({ query: "history", contact, before, limit: PAGE });
      all = [...page.messages, ...all];
      if (!page.more) return all;
    }
  }

  // The words of each message of a conversation, oldest first.
  async texts(contact) {
    return (await this.history(contact)).map(({ content }) => content);
  }

  // What a report of a failure needs.
  async story() {
    const answers = [{ command: "get_status" }, { command: "list_contacts" }].map(async (request) => {
      return JSON.stringify(await this.ask(request).catch(String));
    });
    return [...(await Promise.all(answers)), this.#process?.errors].join("\n  ");
  }

  async stop() {
    const running = this.#process;
    this.#process = undefined;
    this.#control?.close();
    await running?.stop();
  }

  async end() {
    await this.stop();
    await this.#folder.remove();
  }
}
