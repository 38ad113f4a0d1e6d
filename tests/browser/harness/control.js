// The control socket of a native node (docs/control-socket.md).

import { connect } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { PATIENCE_MS } from "./process.js";

export class Control {
  #socket;
  #next = 1;
  #answers = new Map();
  #events = [];
  #hearers = new Set();

  // Connects as soon as there is a socket: nothing tells that one has appeared.
  static async open(path) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        const control = new Control();
        await control.#connect(path);
        return control;
      } catch (error) {
        if (Date.now() > end) throw error;
        await sleep(20);
      }
    }
  }

  #connect(path) {
    return new Promise((resolve, reject) => {
      // What ends is asked nothing any more.
      this.#socket = connect(path).on("error", reject);
      this.#socket.on("connect", () => {
        const lines = createInterface({ input: this.#socket });
        lines.on("line", (line) => this.#take(JSON.parse(line)));
        resolve();
      });
    });
  }

  #take(value) {
    if (value.event) {
      this.#events.push(value);
      for (const hear of this.#hearers) hear(value);
      return;
    }
    const answer = this.#answers.get(value.id);
    this.#answers.delete(value.id);
    if (value.error) answer?.reject(new Error(value.error.message));
    else answer?.resolve(value.ok);
  }

  // Asks for a command, a query or what else the socket knows; gives the answer.
  ask(request) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#answers.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }

  // The first event since it was opened, past or to come, for which `wanted` is true; with
  // `fresh`, only one to come.
  event(what, wanted, fresh = false) {
    const past = fresh ? undefined : this.#events.find(wanted);
    if (past) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const hear = (event) => {
        if (!wanted(event)) return;
        clearTimeout(timer);
        this.#hearers.delete(hear);
        resolve(event);
      };
      const timer = setTimeout(() => {
        const last = JSON.stringify(this.#events.slice(-5));
        reject(new Error(`waited in vain for ${what}; the last events: ${last}`));
      }, PATIENCE_MS);
      this.#hearers.add(hear);
    });
  }

  close() {
    this.#socket.destroy();
  }
}
