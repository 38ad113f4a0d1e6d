// Loads the module and does nothing with it: whoever drives the browser calls `window.tincan`.
import init, * as tincan from "%SCRIPT%";

// There is only one part of the code.
window.tincanLater = async () => {};

window.ready = init({ module_or_path: "%WASM%" }).then(() => {
  window.tincan = tincan;
});
