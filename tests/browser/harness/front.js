// What stands in front of a hub. It can show another version of the page: the files of the next
// build differ, and this changes just the name by which the service worker tells versions apart.
// And it can make the broker slow.

import { createServer, request } from "node:http";
import { connect } from "node:net";

const CACHE_NAME = 'const CACHE = "tincan-';

export class Front {
  #server;
  #sockets = new Set();
  #isNew = false;
  #held;
  #admit;

  static async open(origin) {
    const front = new Front();
    const { hostname: host, port } = new URL(origin);
    front.#server = createServer((asked, answer) => front.#pass(asked, answer, { host, port }));
    front.#server.on("upgrade", async (asked, socket, head) => {
      await front.#held;
      tunnel(asked, socket, head, { host, port });
    });
    front.#server.on("connection", (socket) => {
      front.#sockets.add(socket);
      socket.on("close", () => front.#sockets.delete(socket));
    });
    await new Promise((resolve) => front.#server.listen(0, "127.0.0.1", resolve));
    front.origin = `http://127.0.0.1:${front.#server.address().port}`;
    return front;
  }

  // From now on there is a new version.
  release() {
    this.#isNew = true;
  }

  // Whoever comes to the broker waits until `admit`.
  hold() {
    this.#held = new Promise((resolve) => (this.#admit = resolve));
  }

  admit() {
    this.#admit();
  }

  async close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // WebSockets among them, which the server itself has let go of.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #pass(asked, answer, hub) {
    const headers = { ...asked.headers };
    if (asked.url === "/sw.js") {
      // Only what is there whole and not compressed can be changed.
      headers["accept-encoding"] = "identity";
      delete headers["if-none-match"];
    }
    const { method, url: path } = asked;
    const on = request({ ...hub, method, path, headers }, async (given) => {
      if (asked.url !== "/sw.js" || !this.#isNew) {
        answer.writeHead(given.statusCode, given.headers);
        given.pipe(answer);
        return;
      }
      const { "content-length": _length, etag: _tag, ...kept } = given.headers;
      answer.writeHead(given.statusCode, kept);
      const text = (await given.toArray()).join("");
      if (!text.includes(CACHE_NAME)) throw new Error("the service worker names no cache");
      answer.end(text.replace(CACHE_NAME, `${CACHE_NAME}next-`));
    });
    on.on("error", () => answer.destroy());
    asked.pipe(on);
  }
}

// A WebSocket, which nobody looks into.
function tunnel(asked, socket, head, hub) {
  const on = connect(hub.port, hub.host, () => {
    const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
    for (let nth = 0; nth < asked.rawHeaders.length; nth += 2) {
      lines.push(`${asked.rawHeaders[nth]}: ${asked.rawHeaders[nth + 1]}`);
    }
    on.write(`${lines.join("\r\n")}\r\n\r\n`);
    on.write(head);
    socket.pipe(on).pipe(socket);
  });
  for (const end of [on, socket]) {
    end.on("error", () => {
      on.destroy();
      socket.destroy();
    });
  }
}
