// The binary as a process, with nothing of this user's surroundings.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

// How long anything may take before it counts as failed. Generous: the machine may be busy.
export const PATIENCE_MS = 30_000;

// The binary under test; `cargo xtask` says which one it built.
export function binary() {
  const path = process.env.TINCAN_BINARY ?? `${ROOT}target/debug/tincan`;
  if (!existsSync(path)) throw new Error(`build it first: cargo build -p tincan (no ${path})`);
  return path;
}

export class Process {
  #child;
  #errors = "";
  #lines = [];
  #hearers = new Set();

  // Starts the binary, or another program that starts it in turn.
  constructor(words, wrapper = []) {
    const [program, ...more] = [...wrapper, binary(), ...words];
    this.#child = spawn(program, more, { env: surroundings(), stdio: ["pipe", "pipe", "pipe"] });
    this.ended = once(this.#child, "close").then(([code]) => code);
    this.#child.stderr.setEncoding("utf8").on("data", (text) => (this.#errors += text));
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.#lines.push(line);
      for (const hear of this.#hearers) hear(line);
    });
  }

  get errors() {
    return this.#errors;
  }

  // The first line of its output, past or to come, for which `wanted` gives something.
  line(what, wanted) {
    const past = this.#lines.map(wanted).find((found) => found);
    if (past) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const settle = (how, value) => {
        clearTimeout(timer);
        this.#hearers.delete(hear);
        how(value);
      };
      const hear = (line) => {
        const found = wanted(line);
        if (found) settle(resolve, found);
      };
      const fail = (why) => {
        const said = this.#lines.slice(-10).join("\n");
        settle(reject, new Error(`${why}: ${what}; stdout: ${said}; stderr: ${this.#errors}`));
      };
      const timer = setTimeout(() => fail("waited in vain for"), PATIENCE_MS);
      this.#hearers.add(hear);
      this.ended.then(() => fail("it ended before"));
    });
  }

  // Runs it to its end and gives its output; another exit code than 0 is an error.
  async output() {
    this.#child.stdin.end();
    const code = await this.ended;
    if (code !== 0) throw new Error(`${this.#child.spawnargs.join(" ")}: ${this.#errors}`);
    return this.#lines;
  }

  // Asks it to end, and waits until it has.
  async stop() {
    this.#child.kill("SIGTERM");
    return this.ended;
  }

  // Ends it without a word, as a power cut would.
  async kill() {
    this.#child.kill("SIGKILL");
    return this.ended;
  }
}

function surroundings() {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("TINCAN_"));
  return { ...Object.fromEntries(own), XDG_CONFIG_HOME: "/nonexistent" };
}
