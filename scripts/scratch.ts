import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mountsBelow } from "../test/support/mountinfo.ts";

/** Everything temporary of what `body` does lies in one directory of its own; answers what is still in it at the end. */
export async function inScratch(body: () => Promise<void>): Promise<readonly string[]> {
  const scratch = mkdtempSync(join(tmpdir(), `envctl-test-${process.pid}-`));
  chmodSync(scratch, 0o755); // tests drop to ordinary users inside it
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = scratch;
  await body();
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
  const left = readdirSync(scratch).map((name) => join(scratch, name));
  if (mountsBelow(scratch).length === 0) rmSync(scratch, { recursive: true });
  return left;
}
