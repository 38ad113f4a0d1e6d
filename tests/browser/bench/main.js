// The page's figures, one line of JSON each: `cargo xtask bench web` makes the table of them.

import { BROWSERS } from "../harness/engine.js";
import { World, closeBrowsers } from "../harness/world.js";
import { loading } from "./loading.js";
import { mesh } from "./mesh.js";
import { scrolling } from "./scrolling.js";
import { talking } from "./talking.js";

const MEASUREMENTS = { loading, talking, mesh, scrolling };

const [only] = process.argv.slice(2);
let failed = false;
for (const kind of BROWSERS) {
  for (const [name, measure] of Object.entries(MEASUREMENTS)) {
    if (only && only !== name && only !== `${kind}-${name}`) continue;
    const ends = [];
    try {
      const world = await World.open({ after: (end) => ends.push(end) });
      console.error(`measuring ${name} in ${kind} …`);
      await measure(world, kind);
    } catch (error) {
      failed = true;
      console.error(`${name} in ${kind}: ${error.stack}`);
    }
    for (const end of ends) await end().catch((error) => console.error(error.message));
    // One browser's leftovers must not slow the next measurement.
    await closeBrowsers();
  }
}
process.exitCode = failed ? 1 : 0;
