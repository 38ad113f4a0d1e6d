// The two browsers: how each is found, started and told to let pages on one machine connect.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";

import puppeteer from "puppeteer-core";

import { temporaryFolder } from "./folder.js";

export const BROWSERS = ["chromium", "firefox"];

const PROGRAMS = {
  chromium: { variable: "CHROMIUM", names: ["chromium", "chromium-browser", "google-chrome"] },
  firefox: { variable: "FIREFOX", names: ["firefox-esr", "firefox"] },
};

const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--mute-audio",
  // Timers and renderers of a page that nobody sees are throttled otherwise.
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
];

const FIREFOX_PREFERENCES = {
  "media.peerconnection.ice.no_host": false,
  "app.normandy.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "privacy.reduceTimerPrecision": false,
  "dom.min_background_timeout_value": 0,
  // Every window of a test is looked at, whichever has the focus.
  "focusmanager.testmode": true,
};

// The program, or a reason to shout about: a browser that is missing fails its tests.
function find(kind) {
  const { variable, names } = PROGRAMS[kind];
  if (process.env[variable]) return process.env[variable];
  const folders = (process.env.PATH ?? "").split(delimiter);
  const places = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  const found = places.find((place) => existsSync(place));
  if (!found) {
    throw new Error(`${kind} IS NOT INSTALLED: install ${names[0]}, or name it in ${variable}`);
  }
  return found;
}

// A running browser. `hidden` keeps addresses hidden behind `.local` names, as browsers do by
// themselves; otherwise they are told, which connects sooner. With `loopback`, pages on one machine
// connect where there is no network. With an `authority`, the file of a certificate, servers are
// trusted that it vouches for; without one certificates are not looked at.
export async function launch(
  kind,
  { hidden = false, loopback = true, authority, flags = [], preferences = {} } = {},
) {
  const folder = await temporaryFolder();
  if (authority) trust(kind, folder.path, authority);
  const environment = { ...process.env, HOME: folder.path, TMPDIR: folder.path };
  const options = {
    executablePath: find(kind),
    headless: true,
    env: environment,
    userDataDir: join(folder.path, "profile"),
    acceptInsecureCerts: !authority,
    protocolTimeout: 120_000,
  };
  const browser =
    kind === "chromium"
      ? await puppeteer.launch({ ...options, args: chromiumFlags(hidden, loopback, flags) })
      : await puppeteer.launch({
          ...options,
          browser: "firefox",
          args: flags,
          extraPrefsFirefox: {
            ...FIREFOX_PREFERENCES,
            "media.peerconnection.ice.loopback": loopback,
            "media.peerconnection.ice.obfuscate_host_addresses": hidden,
            ...preferences,
          },
        });
  const kill = async () => {
    const child = browser.process();
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  };
  const close = async () => {
    await browser.close().catch(() => {});
    await folder.remove();
  };
  return { kind, browser, close, kill };
}

// Puts an authority where the browser keeps those that a person has added.
function trust(kind, folder, authority) {
  const place = kind === "chromium" ? [folder, ".pki", "nssdb"] : [folder, "profile"];
  const database = `sql:${join(...place)}`;
  mkdirSync(join(...place), { recursive: true });
  const certutil = (...words) => execFileSync("certutil", [...words, "-d", database]);
  certutil("-N", "--empty-password");
  certutil("-A", "-n", "laboratory", "-t", "C,,", "-i", authority);
}

function chromiumFlags(hidden, loopback, flags) {
  const told = hidden ? [] : ["--disable-features=WebRtcHideLocalIpsWithMdns"];
  const near = loopback ? ["--allow-loopback-in-peer-connection"] : [];
  return [...CHROMIUM_FLAGS, ...told, ...near, ...flags];
}
