// Names, messages and links that want to be more than text: they change nothing on the page but
// text.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";

const RIGHT_TO_LEFT = "\u202e";
const MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
const NAME = `<b>${RIGHT_TO_LEFT}&amp;</b><img src=x>`;

// Each with how many links it may become: only those to the web.
const MESSAGES = [
  [MARKUP, 0],
  ["</div></section></body><style>*{display:none}</style>", 0],
  ["&lt;b&gt; &#60;i&#62; {{constructor}} ${alert(1)} %3Cscript%3E", 0],
  [`${RIGHT_TO_LEFT}gpj.exe \u2066\u2067\u2068 never closed`, 0],
  [`${"\u0301".repeat(500)} combining, ${"\u200d".repeat(500)} joining`, 0],
  ["javascript:alert(1) JaVaScRiPt:alert(1) data:text/html,<script>1</script>", 0],
  ["vbscript:x file:///etc/passwd blob:x about:blank ftp://example.org", 0],
  ['https://example.org/"onmouseover="alert(1)', 1],
  ["https://example.org/<script>alert(1)</script>", 1],
  [`https://example.org/${RIGHT_TO_LEFT}gpj.exe`, 1],
];

const LONG = "x".repeat(16 * 1024);

after(closeBrowsers);

// The elements of the page with their attributes of meaning, but no words.
function skeleton(person) {
  return person.evaluate(() => {
    const walk = (element) => {
      if (element.closest('[data-testid="messages"]')) return "";
      const kinds = [element.tagName, element.getAttribute("role"), element.dataset.testid];
      return `${kinds.join(".")}(${[...element.children].map(walk).join("")})`;
    };
    return { page: walk(document.documentElement), scripts: document.scripts.length };
  });
}

// What would not be there without markup that came to life.
function alive(person) {
  return person.evaluate(() => {
    const strange = "img, iframe, object, embed, b, i:empty ~ b, style, script:not([src]), base, form[action]";
    const inMessages = [...document.querySelectorAll('[data-testid="message-text"] *')];
    const elements = inMessages.filter((element) => !["A", "BUTTON", "BDI"].includes(element.tagName));
    const handlers = [...document.querySelectorAll("*")].filter((element) =>
      [...element.attributes].some(({ name }) => name.startsWith("on")),
    );
    const links = [...document.querySelectorAll("a[href]")].map((link) => link.protocol);
    return {
      strange: document.querySelectorAll(strange).length + elements.length,
      handlers: handlers.length,
      links: links.filter((protocol) => !/^https?:$/.test(protocol)),
      title: document.title.replace(/^\(\d+\) /, ""),
      sideways: document.documentElement.scrollWidth > window.innerWidth,
    };
  });
}

const NOTHING = { strange: 0, handlers: 0, links: [], title: "Tincan", sideways: false };

for (const kind of BROWSERS) {
  test(`hostile words are but words in ${kind}`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, "chromium");
    await bob.say("An ordinary message");
    await ada.sees("An ordinary message");
    await bob.delivered("An ordinary message", ["read"]);
    const before = await skeleton(ada);
    for (const [text, links] of MESSAGES) {
      await bob.say(text);
      await ada.sees(text);
      const row = await ada.evaluate((text) => {
        const all = [...document.querySelectorAll('[data-testid="message-text"]')];
        const element = all.findLast((element) => element.textContent === text);
        return { links: element.querySelectorAll("a").length };
      }, text);
      assert.equal(row.links, links, text);
    }
    await bob.delivered(MESSAGES.at(-1)[0], ["read"]);
    assert.deepEqual(await skeleton(ada), before);
    assert.deepEqual(await alive(ada), NOTHING);
    assert.deepEqual(await alive(bob), NOTHING);
  });

  test(`a hostile name is but a name in ${kind}`, async (t) => {
    const world = await World.open(t);
    const ada = await world.person(kind, "Ada");
    const eve = await world.guest("chromium", NAME, await ada.invite());
    await eve.say("Hello");
    await ada.says("contact-name", /<img src=x>/);
    await ada.press("contact");
    await ada.sees("Hello");
    const shown = await ada.text("chat-name");
    assert.ok(!shown.includes(RIGHT_TO_LEFT), "what turns the direction of text is left out");
    assert.deepEqual(await alive(ada), NOTHING);
    // The invite of such a name, too, is only a sentence with a name in it.
    const guest = await world.visitor(kind, await eve.invite());
    await guest.says("inviter", /<img src=x>/);
    assert.deepEqual(await alive(guest), NOTHING);
  });

  test(`sixteen kilobytes without a space stay inside of ${kind}'s window`, async (t) => {
    const world = await World.open(t);
    const [ada, bob] = await world.pair(kind, "chromium");
    await ada.page.setViewport({ width: 320, height: 640 });
    await bob.say(LONG);
    await ada.says("message-text", /^x{1000}/);
    await ada.press("message-unfold");
    await ada.sees(LONG);
    await bob.delivered(LONG.slice(0, 3_000) + "Show the whole message").catch(() => {});
    const inside = await ada.evaluate(() => {
      const scroller = document.querySelector('[data-testid="messages"]');
      return scroller.scrollWidth <= scroller.clientWidth;
    });
    assert.ok(inside, "nothing has to be scrolled sideways");
    assert.deepEqual(await alive(ada), NOTHING);
    await bob.fill("composer", `${LONG}x`);
    await bob.says("composer-problem", /1 byte too long/);
  });
}
