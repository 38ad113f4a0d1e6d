// A temporary folder that is gone after the test, with everything that was written to it.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Short, since the path of a control socket below it has 107 bytes at most.
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "tincan-"));
  // Helper processes of a browser may write for a moment longer.
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  return { path, remove };
}
