// Loads the module and does nothing with it: whoever drives the browser calls `window.tincan`.
import init, * as tincan from "%SCRIPT%";

window.ready = init({ module_or_path: "%WASM%" }).then(() => {
  window.tincan = tincan;
});
