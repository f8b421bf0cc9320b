import assert from "node:assert/strict";
import test from "node:test";
import { substitute } from "#launch/substitute";

/** SIGTERM (15) is caught, SIGHUP (1) ignored, all else as by default. */
const reader = {
  textAny: () => `SigIgn:\t${(1).toString(16).padStart(16, "0")}\nSigCgt:\t0000000000004000\n`,
};

test("PID 1 gets what it has a handler for, or ignores; SIGKILL stands for what would have ended it", () => {
  assert.equal(substitute(reader, 7, "SIGTERM"), "SIGTERM");
  assert.equal(substitute(reader, 7, "SIGHUP"), "SIGHUP");
  assert.equal(substitute(reader, 7, "SIGINT"), "SIGKILL");
  assert.equal(substitute(reader, 7, "SIGUSR1"), "SIGKILL");
});

test("a signal that would not have ended it stays what it is", () => {
  for (const signal of ["SIGWINCH", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGURG", "SIGKILL"])
    assert.equal(substitute(reader, 7, signal), signal);
});

test("nothing stands for a signal to what is gone", () => {
  assert.equal(substitute({ textAny: () => undefined }, 7, "SIGINT"), "SIGINT");
});
