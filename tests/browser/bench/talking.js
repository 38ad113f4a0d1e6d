// How soon two tabs are connected, and how fast words get from one to the other.

import { figure, median, quantile, repeat } from "./figures.js";

// So many messages for the time that one takes.
const SINGLE_MESSAGES = 300;
// So many for how many a second get through.
const MANY_MESSAGES = 20_000;
// So many are given to the page before it may do its work.
const BURST = 400;
// After so many bursts nothing more is given until all that was is stored: the page takes 4,096 at
// once and then asks for patience.
const MOST_BURSTS = 6;

export async function talking(world, kind) {
  const [ada, bob] = await world.pair(kind, kind);
  await opening(ada, bob, kind);
  await reloading(ada, bob, kind);
  await single(ada, bob, kind);
  await many(ada, bob, kind);
  for (const person of [ada, bob]) await person.profile.context.close();
}

async function opening(ada, bob, kind) {
  await bob.toList();
  const samples = await repeat(async () => {
    await ada.toList();
    // Only who was gone and came back is surely not connected any more.
    const page = new URL("/", bob.page.url()).href;
    for (const person of [ada, bob]) await person.goto("about:blank");
    for (const person of [ada, bob]) await person.goto(page);
    for (const person of [ada, bob]) await person.seesOnline(true);
    return ada.evaluate(async () => {
      const start = performance.now();
      document.querySelector('[data-testid="contact"]').click();
      for (;;) {
        const badge = document.querySelector('[data-testid="badge"]');
        if (["direct", "relay"].includes(badge?.dataset.kind)) return performance.now() - start;
        await new Promise((resolve) => {
          const observer = new MutationObserver(() => { observer.disconnect(); resolve(); });
          observer.observe(document, { childList: true, subtree: true, attributes: true });
        });
      }
    });
  });
  figure(`${kind}: open chat, both online, to verified`, median(samples), "ms", 300);
  await bob.openChat("Ada");
}

async function reloading(ada, bob, kind) {
  await ada.page.evaluateOnNewDocument(`(${noteMessages})()`);
  const samples = await repeat(async (nth) => {
    await ada.connected();
    await bob.connected();
    const text = `After the reload ${nth}`;
    await ada.reload();
    await bob.say(text);
    return ada.until(text, (text) => window.shownAt?.get(text) - performance.timeOrigin, text);
  });
  figure(`${kind}: reload to messages flow again`, median(samples), "ms", 600);
}

// Runs in a page: notes at what time each message is shown.
function noteMessages() {
  window.shownAt = new Map();
  const note = (element) => {
    if (!shownAt.has(element.textContent)) {
      shownAt.set(element.textContent, performance.timeOrigin + performance.now());
    }
  };
  const observer = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        if (node.nodeType !== 1) continue;
        node.querySelectorAll('[data-testid="message-text"]').forEach(note);
      }
    }
  });
  observer.observe(document, { childList: true, subtree: true });
}

// A person sees what was typed before pressing the key that sends: each message is typed, drawn,
// and then sent, at any moment of a frame. To type two hundred characters and to send them in one
// task, as no keyboard does, would measure how long the page draws what was typed.
async function single(ada, bob, kind) {
  await bob.evaluate(noteMessages);
  await ada.connected();
  const sent = await ada.evaluate(async (count) => {
    const field = document.querySelector('[data-testid="composer"]');
    const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
    const key = { key: "Enter", code: "Enter", bubbles: true, cancelable: true };
    const sent = [];
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    for (let nth = 0; nth < count; nth++) {
      const text = `Single ${nth} `.padEnd(200, ".");
      set.call(field, text);
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
      await frame();
      await frame();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 16));
      sent.push([text, performance.timeOrigin + performance.now()]);
      field.dispatchEvent(new KeyboardEvent("keydown", key));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return sent;
  }, SINGLE_MESSAGES);
  await bob.sees(sent.at(-1)[0]);
  const shown = new Map(await bob.evaluate(() => [...window.shownAt]));
  const spans = sent.map(([text, at]) => shown.get(text) - at);
  figure(`${kind}: 200-byte message, tab to tab, shown: p50`, quantile(spans, 0.5), "ms", 5);
  figure(`${kind}: 200-byte message, tab to tab, shown: p99`, quantile(spans, 0.99), "ms", 30);
}

async function many(ada, bob, kind) {
  const samples = await repeat(async (round) => {
    const start = performance.now();
    const problem = await ada.evaluate(typeMany, round, MANY_MESSAGES, BURST, MOST_BURSTS);
    if (problem) throw new Error(problem);
    const last = `Many ${round}/${MANY_MESSAGES - 1} `.padEnd(200, ".");
    await ada.delivered(last);
    const seconds = (performance.now() - start) / 1_000;
    await bob.sees(last);
    return MANY_MESSAGES / seconds;
  });
  figure(
    `${kind}: 200-byte messages one way, delivered and stored`,
    median(samples),
    "a second",
    10_000,
    "higher",
  );
}

// Runs in a page: types and sends, and lets the page work between two bursts. A time-out would do
// that, too, but one that follows another is held back by browsers for 4 ms, and a tenth of the
// time would be the measurement's own.
async function typeMany(round, count, burst, most) {
  const field = document.querySelector('[data-testid="composer"]');
  const problem = document.querySelector('[data-testid="composer-problem"]');
  const set = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
  const key = { key: "Enter", code: "Enter", bubbles: true, cancelable: true };
  const turn = new MessageChannel();
  const turned = () => new Promise((resolve) => {
    turn.port1.onmessage = resolve;
    turn.port2.postMessage(null);
  });
  // The box is emptied once what was sent from it is stored.
  let bursts = 0;
  for (let nth = 0; nth < count && !problem.textContent; nth++) {
    set.call(field, `Many ${round}/${nth} `.padEnd(200, "."));
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    field.dispatchEvent(new KeyboardEvent("keydown", key));
    if (nth % burst !== burst - 1) continue;
    await turned();
    bursts += 1;
    while (field.value && bursts >= most && !problem.textContent) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (!field.value) bursts = 0;
  }
  turn.port1.close();
  return problem.textContent;
}
