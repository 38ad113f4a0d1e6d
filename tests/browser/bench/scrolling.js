// A long way through a long history: frames that were dropped, and memory that stays.

import { figure } from "./figures.js";

const MESSAGES = 100_000;
// Requests under way at the control socket; it works on up to 256 of a connection.
const WINDOW = 200;
// A call into the page may take two minutes at most: the way is made in stretches.
const STRETCH_MS = 60_000;

export async function scrolling(world, kind) {
  const nora = await world.native("Nora");
  const ada = await world.guest(kind, "Ada", await nora.invite());
  await ada.connected();
  const contact = await nora.onlyContact();
  let next = 0;
  const worker = async () => {
    while (next < MESSAGES) await nora.say(contact, `Message ${next++}, one of very many`);
  };
  await Promise.all(Array.from({ length: WINDOW }, worker));
  await nora.delivered(contact);
  await ada.reload();
  await ada.sees(`Message ${MESSAGES - 1}, one of very many`);
  const before = await heap(ada);
  const { dropped, frames, seen } = await toFirst(ada);
  if (seen !== MESSAGES) throw new Error(`it went no farther than ${seen} messages up`);
  const after = await heap(ada);
  const share = (100 * dropped) / (frames + dropped);
  figure(`${kind}: scroll through 100,000 messages: dropped frames at 60 Hz`, share, "%", 5);
  if (after) {
    figure(`${kind}: scroll through 100,000 messages: heap growth`, (after - before) / 1e6, "MB", 50);
  }
  console.error(`${kind}: scrolled by ${seen} messages in ${frames} frames`);
  await ada.profile.context.close();
}

// The heap of the page after a collection; Chromium alone tells.
async function heap(person) {
  if (person.kind !== "chromium") return 0;
  const session = await person.page.createCDPSession();
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

// Goes up until the first message.
async function toFirst(person) {
  let [dropped, frames] = [0, 0];
  for (;;) {
    const stretch = await person.evaluate(scroll, STRETCH_MS);
    dropped += stretch.dropped;
    frames += stretch.frames;
    if (stretch.arrived) return { dropped, frames, seen: stretch.seen };
  }
}

// Runs in the page: goes up by most of a screen each frame, until nothing moves any more.
async function scroll(longest) {
  const scroller = document.querySelector('[data-testid="messages"]');
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  let [dropped, frames, still] = [0, 0, 0];
  const begin = await frame();
  let last = begin;
  let top = scroller.scrollTop;
  while (still < 60 && last - begin < longest) {
    scroller.scrollTop -= scroller.clientHeight * 0.8;
    const now = await frame();
    dropped += Math.max(0, Math.round((now - last) / (1_000 / 60)) - 1);
    frames++;
    last = now;
    still = scroller.scrollTop === top ? still + 1 : 0;
    top = scroller.scrollTop;
  }
  const first = document.querySelector('[data-testid="message-text"]').textContent;
  const seen = 100_000 - Number(first.match(/\d+/)?.[0] ?? 0);
  return { dropped, frames, seen, arrived: still >= 60 };
}
