import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import test from "node:test";
import { linuxSignals } from "#kernel/signals";

/** Field 22 of a process's stat: its start. */
function startOf(pid: number): string {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19]!;
}

test("a signal reaches the process that was meant, and nobody who has its number now", async (t) => {
  const child = spawn("sleep", ["1000000"]);
  t.after(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  const pid = child.pid!;
  const signals = linuxSignals();
  assert.equal(signals.signal({ pid, start: "1" }, "SIGKILL"), false);
  assert.equal(child.exitCode, null);
  assert.equal(signals.signal({ pid, start: startOf(pid) }, "SIGTERM"), true);
  assert.deepEqual(await once(child, "exit"), [null, "SIGTERM"]);
  assert.equal(signals.signal({ pid, start: "1" }, "SIGTERM"), false, "it is gone");
});
