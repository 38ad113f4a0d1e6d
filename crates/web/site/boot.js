// Starts the page and its service worker. `cargo xtask web` fills in the names.

const SCRIPT = "%SCRIPT%";
const WASM = "%WASM%";
const LATER = "%LATER%";

// How often an open page asks whether there is a newer one. Browsers ask by themselves only when
// a page is loaded, and a conversation can be open for weeks.
const LOOK_FOR_UPDATES_MS = 60 * 60 * 1000;

// The first part of the code, once it is there, and the second, once it is asked for.
let first;
let second;

// The second part of the code: what is not needed to begin. The page asks for it by this name.
globalThis.tincanLater = () => {
  second ??= loadSecond().catch((error) => {
    // The next who asks may have more luck.
    second = undefined;
    throw error;
  });
  return second;
};

showTheme();
await start();
keepUpToDate();

// The theme that a person chose, before anything is drawn. Later the page itself sees to it.
function showTheme() {
  try {
    const theme = localStorage.getItem("tincan.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // A private window may refuse its storage; the system's theme does as well.
  }
}

async function start() {
  if (typeof WebAssembly !== "object") {
    return fail(
      "This browser can't run Tincan: it has no WebAssembly, or a setting turns it off. " +
        "A current Firefox, Chrome, Edge or Safari can.",
    );
  }
  let page;
  try {
    // Asked for before the script is there: the two arrive side by side.
    const wasm = fetch(WASM);
    page = await import(SCRIPT);
    first = page.default({ module_or_path: wasm });
    await first;
  } catch (error) {
    console.error(error);
    return fail(
      "Tincan could not be loaded completely. Check the connection and load the page again.",
    );
  }
  try {
    await page.start?.();
  } catch (error) {
    console.error(error);
    fail("Tincan could not start. Load the page again; nothing that was stored is lost.");
  }
}

async function loadSecond() {
  const code = fetch(LATER);
  await WebAssembly.instantiateStreaming(code, { a: await first });
}

// Puts a sentence where the page would be.
function fail(sentence) {
  const text = document.createElement("p");
  text.textContent = sentence;
  text.setAttribute("role", "alert");
  text.className = "boot-failure";
  const again = document.createElement("button");
  again.textContent = "Load again";
  again.addEventListener("click", () => location.reload());
  const main = document.createElement("main");
  main.className = "boot-failure-page";
  main.append(text, again);
  document.body.replaceChildren(main);
}

// Registers the service worker. When a newer version of the page is there and waits, the window
// hears `tincan-update-ready` (and `data-update="ready"` is on the document, for whoever asks
// later); on `tincan-update-apply` the new version takes over, and every tab loads again.
async function keepUpToDate() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  let controlled = workers.controller !== null;
  let reloading = false;
  let applying = false;
  workers.addEventListener("controllerchange", () => {
    // The first worker of all takes over a page that is of its own version.
    if ((controlled || applying) && !reloading) {
      reloading = true;
      location.reload();
    }
    controlled = true;
  });

  let registration;
  try {
    registration = await workers.register("/sw.js", { updateViaCache: "none" });
  } catch (error) {
    // Private windows may refuse it; the page works without.
    console.info("no service worker:", error);
    return;
  }
  const tell = () => {
    if (!registration.waiting || !registration.active) return;
    document.documentElement.dataset.update = "ready";
    window.dispatchEvent(new CustomEvent("tincan-update-ready"));
  };
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", tell);
  });
  window.addEventListener("tincan-update-apply", () => {
    applying = true;
    registration.waiting?.postMessage("take-over");
  });
  tell();
  const look = () => registration.update().catch(() => {});
  setInterval(look, LOOK_FOR_UPDATES_MS);
}
