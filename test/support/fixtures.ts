import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountsBelow } from "./mountinfo.ts";

/** What `tempDir` needs of a test's context. */
export type Cleanup = { after(fn: () => void): void };

/**
 * A fresh directory, as its real path. It goes with the test, unless a mount lies at or below it:
 * deleting through a mount destroys what is behind it, so then the test fails and the directory stays.
 */
export function tempDir(t: Cleanup, prefix = "envctl-"): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), prefix)));
  t.after(() => {
    const mounts = mountsBelow(dir);
    if (mounts.length > 0) {
      throw new Error(
        `not deleted, still mounted below ${dir}:\n  ${mounts.map(({ line }) => line).join("\n  ")}`,
      );
    }
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}
