import assert from "node:assert/strict";
import test from "node:test";
import type { Ending } from "#model/launch";
import type { Running } from "#ports/processes";
import { disposition, forward } from "#launch/signals";

// Bits: SIGTERM caught (1 << 14), SIGQUIT ignored (1 << 2).
const STATUS = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000004\nSigCgt:\t0000000000004000\n";

test("a process's word on a signal", () => {
  assert.equal(disposition(STATUS, "SIGTERM"), "caught");
  assert.equal(disposition(STATUS, "SIGQUIT"), "ignored");
  assert.equal(disposition(STATUS, "SIGINT"), "default");
  assert.equal(disposition(STATUS.replace(/(SigBlk:).*/, "$1 2"), "SIGINT"), "caught");
  assert.equal(disposition(STATUS.replace("Name:\tx", "Name:\ttini"), "SIGINT"), "caught");
  assert.equal(disposition("SigIgn:\t0000000000000000\nSigCgt:\t00000001ffffffff\n", "SIGSYS"), "caught");
});

function entry(): { readonly running: Running; readonly sent: string[]; end(ending: Ending): void } {
  const sent: string[] = [];
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const running: Running = {
    pid: 42,
    ended: promise,
    signal: (name, group) => sent.push(group === undefined ? name : `${name} ${group}`) > 0,
  };
  return { running, sent, end: resolve };
}

const reader = {
  textAny: (path: string): string | undefined => (path === "/proc/42/status" ? STATUS : undefined),
};

test("what it catches or ignores it gets, each time", async () => {
  const { running, sent, end } = entry();
  const { deliver, ended } = forward(reader, running);
  for (const signal of ["SIGTERM", "SIGTERM", "SIGQUIT"]) deliver(signal);
  assert.deepEqual(sent, ["SIGTERM", "SIGTERM", "SIGQUIT group"]);
  end({ code: 3 });
  assert.deepEqual(await ended, { code: 3 });
});

test("what a PID 1 never gets takes its default action, and the ending says what was meant", async () => {
  const { running, sent, end } = entry();
  const { deliver, ended } = forward(reader, running);
  deliver("SIGINT");
  deliver("SIGHUP");
  assert.deepEqual(sent, ["SIGKILL", "SIGKILL"]);
  end({ signal: "SIGKILL" });
  assert.deepEqual(await ended, { signal: "SIGINT" });
});

test("an ending of its own stays what it was", async () => {
  const killed = entry();
  const plain = forward(reader, killed.running);
  killed.end({ signal: "SIGKILL" });
  assert.deepEqual(await plain.ended, { signal: "SIGKILL" });
  const other = entry();
  const late = forward(reader, other.running);
  late.deliver("SIGINT");
  other.end({ code: 0 });
  assert.deepEqual(await late.ended, { code: 0 });
});

test("one that is gone is not looked at", () => {
  const { running, sent } = entry();
  forward({ textAny: () => undefined }, running).deliver("SIGTERM");
  assert.deepEqual(sent, ["SIGTERM"]);
});
