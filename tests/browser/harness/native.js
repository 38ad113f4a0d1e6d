// A native node: `tincan listen` on a home of its own, and further commands on the same home.

import { temporaryFolder } from "./folder.js";
import { Process } from "./process.js";

export class Native {
  #hub;
  #folder;
  #process;
  #wrapper = [];

  static async start(name, hub) {
    const node = new Native();
    node.name = name;
    node.#hub = hub;
    node.#folder = await temporaryFolder();
    await node.startAgain();
    return node;
  }

  get home() {
    return this.#folder.path;
  }

  async startAgain() {
    this.#process = this.#begin(["--name", this.name, "listen", "--json"]);
    await this.event("the broker", ({ event, state }) => event === "broker" && state === "connected");
  }

  #begin(words) {
    const where = ["--home", this.home, "--hub", this.#hub.origin];
    return new Process([...where, ...words], this.#wrapper);
  }

  // The first event, past or to come, for which `wanted` gives something.
  event(what, wanted) {
    return this.#process.line(what, (line) => {
      const event = line.startsWith("{") && JSON.parse(line);
      return event && wanted(event) && event;
    });
  }

  // Another command on its home; gives the lines that it printed.
  command(...words) {
    return this.#begin(words).output();
  }

  async #values(...words) {
    const lines = await this.command(...words, "--json");
    return lines.map((line) => JSON.parse(line));
  }

  async invite() {
    const [{ link }] = await this.#values("invite");
    return link;
  }

  // Follows an invite and waits until it is accepted; gives the id of who invited.
  async take(link) {
    await this.command("contact", "add", link, "--timeout", "30s");
    return this.onlyContact();
  }

  async onlyContact() {
    const [contact] = await this.#values("contact", "list");
    return contact.id;
  }

  // Sends a message and waits until it is delivered.
  send(contact, text) {
    return this.command("send", contact, text);
  }

  // The conversation, as values with `content` and `outgoing`, oldest first.
  async history(contact) {
    return this.#values("history", contact, "--all");
  }

  status() {
    return this.#values("status");
  }

  // The words of each message of a conversation, oldest first.
  async texts(contact) {
    const messages = await this.history(contact);
    return messages.map(({ content }) => content);
  }

  async kill() {
    const running = this.#process;
    this.#process = undefined;
    await running?.kill();
  }

  async stop() {
    const running = this.#process;
    this.#process = undefined;
    await running?.stop();
  }

  async end() {
    await this.stop();
    await this.#folder.remove();
  }
}
