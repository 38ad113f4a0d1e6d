// What a person does in the page, and what they see there.

import { Tab } from "./tab.js";

export class Person extends Tab {
  // Gives a name at the first visit.
  async giveName(name) {
    this.name = name;
    await this.fill("name-input", name);
    await this.press("name-submit");
  }

  // An invite link of ours.
  async invite() {
    await this.press("invite-open");
    const link = await this.until("an invite link", () => {
      const place = document.querySelector('[data-testid="invite-link"]');
      const link = place?.value ?? place?.textContent;
      return link?.includes("#") && link;
    });
    await this.press("dialog-close");
    await this.gone("invite-link");
    return link;
  }

  // Adds a contact by a link, as someone who has a name already.
  async add(link) {
    await this.press("add-open");
    await this.fill("add-input", link);
    await this.press("add-submit");
    await this.gone("add-dialog");
    await this.text("chat-name");
  }

  // Another tab of the same person.
  async secondTab() {
    const tab = await this.profile.tab();
    tab.name = `${this.name}'s second tab`;
    await tab.goto(new URL("/", this.page.url()).href);
    return tab;
  }

  // Opens the conversation with someone in the list.
  async openChat(name) {
    await this.until(
      `${name} in the list`,
      (name) => {
        const rows = [...document.querySelectorAll('[data-testid="contact"]')];
        const named = (row) => row.querySelector('[data-testid="contact-name"]')?.textContent === name;
        const row = rows.find(named);
        row?.click();
        return row !== undefined;
      },
      name,
    );
    await this.says("chat-name", `^${escape(name)}$`);
  }

  // Waits until everybody in the list is there, or nobody.
  async seesOnline(online, count = 1) {
    await this.until(
      `${count} who are ${online ? "online" : "offline"}`,
      (online, count) => {
        const rows = [...document.querySelectorAll('[data-testid="contact"]')];
        return rows.length === count && rows.every((row) => row.dataset.online === String(online));
      },
      online,
      count,
    );
  }

  // Leaves what is open for the list.
  async toList() {
    while (await this.has("composer")) {
      await this.evaluate(async () => {
        const gone = new Promise((resolve) => addEventListener("popstate", resolve, { once: true }));
        history.back();
        await gone;
        // The page follows in its own time.
        await new Promise((resolve) => setTimeout(resolve, 0));
      });
    }
  }

  // Waits until the other side is connected and verified.
  connected() {
    return this.until("a verified connection", () => {
      const kind = document.querySelector('[data-testid="badge"]')?.dataset.kind;
      return ["direct", "relay"].includes(kind) && kind;
    });
  }

  // Writes and sends, by the key that sends.
  async say(text) {
    await this.fill("composer", text);
    await this.evaluate(() => {
      const field = document.querySelector('[data-testid="composer"]');
      const key = { key: "Enter", code: "Enter", bubbles: true, cancelable: true };
      field.dispatchEvent(new KeyboardEvent("keydown", key));
    });
  }

  // Waits until a message with just these words is shown.
  async sees(text) {
    await this.until(
      `the message “${text.slice(0, 60)}”`,
      (text) => {
        const texts = [...document.querySelectorAll('[data-testid="message-text"]')];
        return texts.some((element) => element.textContent === text);
      },
      text,
    );
  }

  // Waits until our message with these words has come so far.
  async delivered(text, states = ["delivered", "read"]) {
    await this.until(
      `“${text.slice(0, 60)}” ${states.join(" or ")}`,
      (text, states) => {
        const rows = [...document.querySelectorAll('[data-testid="message"]')];
        const words = (row) => row.querySelector('[data-testid="message-text"]')?.textContent;
        const row = rows.findLast((row) => row.dataset.outgoing === "true" && words(row) === text);
        return row && states.includes(row.dataset.state);
      },
      text,
      states,
    );
  }

  // The messages that are in the document, in the order in which they are shown.
  messages() {
    return this.evaluate(() => {
      const rows = [...document.querySelectorAll('[data-testid="message"]')];
      return rows.map((row) => ({
        id: row.dataset.id,
        outgoing: row.dataset.outgoing === "true",
        state: row.dataset.state,
        text: row.querySelector('[data-testid="message-text"]')?.textContent,
      }));
    });
  }

  // Every message of the open conversation, oldest first: goes through it from its end to its
  // beginning.
  async history() {
    return this.evaluate(async (patience) => {
      const scroller = document.querySelector('[data-testid="messages"]');
      const frame = () => new Promise((resolve) => setTimeout(resolve, 16));
      const seen = new Map();
      let order = [];
      const look = () => {
        const rows = [...scroller.querySelectorAll('[data-testid="message"]')];
        const ids = rows.map((row) => row.dataset.id);
        for (const row of rows) {
          seen.set(row.dataset.id, {
            id: row.dataset.id,
            outgoing: row.dataset.outgoing === "true",
            state: row.dataset.state,
            text: row.querySelector('[data-testid="message-text"]').textContent,
          });
        }
        const known = ids.findIndex((id) => id === order[0]);
        order = known < 0 ? [...ids, ...order] : [...ids.slice(0, known), ...order];
      };
      scroller.scrollTop = 0;
      await frame();
      look();
      let last = performance.now();
      let top = scroller.scrollTop;
      // At the beginning nothing moves any more, and nothing comes for a while.
      while (performance.now() - last < patience) {
        scroller.scrollTop -= scroller.clientHeight;
        await frame();
        const count = order.length;
        look();
        if (scroller.scrollTop !== top || order.length !== count) {
          top = scroller.scrollTop;
          last = performance.now();
        }
      }
      scroller.scrollTop = 0;
      return order.map((id) => seen.get(id));
    }, 500);
  }

  // Waits until just these words are shown, each once and in this order.
  async shows(texts) {
    await this.until(
      `just ${texts.length} messages: ${texts.join(" | ").slice(0, 200)}`,
      (texts) => {
        const shown = [...document.querySelectorAll('[data-testid="message-text"]')];
        return JSON.stringify(shown.map((element) => element.textContent)) === JSON.stringify(texts);
      },
      texts,
    );
  }
}

// The texts of messages, in the order of their alphabet: for what came from both sides at once.
export function sortedTexts(messages) {
  return messages.map(({ text }) => text).sort();
}

function escape(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
