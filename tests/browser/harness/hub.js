// `tincan hub` on loopback. It keeps its ports when it is started again.

import { Process } from "./process.js";

const KINDS = ["http", "mqtt", "websocket", "stun"];
const FLAGS = ["--port", "--mqtt-port", "--ws-port", "--stun-port"];

export class Hub {
  #process;
  #ports;
  #more;

  // With more flags, if they are given.
  static async start(more = []) {
    const hub = new Hub();
    hub.#more = ["--second-stun-port", "0", ...more];
    hub.#ports = ["0", "0", "0", "0"];
    const address = await hub.#run();
    hub.origin = address.origin;
    hub.#ports = KINDS.map((kind) => address[kind].split(":").pop());
    return hub;
  }

  async #run() {
    const ports = FLAGS.flatMap((flag, nth) => [flag, this.#ports[nth]]);
    this.#process = new Process(["hub", "--json", "--bind", "127.0.0.1", ...ports, ...this.#more]);
    return this.#process.line("the hub's addresses", (line) => {
      const value = line.startsWith("{") && JSON.parse(line);
      return value?.origin && value;
    });
  }

  // What it has said of trouble.
  get errors() {
    return this.#process?.errors ?? "it is stopped";
  }

  async stop() {
    const running = this.#process;
    this.#process = undefined;
    await running?.stop();
  }

  async startAgain() {
    await this.#run();
  }
}
