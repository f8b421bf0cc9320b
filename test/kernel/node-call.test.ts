import assert from "node:assert/strict";
import { constants } from "node:os";
import test from "node:test";
import { getSystemErrorMap, getSystemErrorName } from "node:util";
import { errnoName } from "#kernel/ffi";
import { errnoOf, nodeCall } from "#kernel/node-call";

/** What node:fs throws: its names are libuv's, which has none for a third of Linux's numbers. */
function nodeError(errno: number): Error {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${code}: write`), { errno: -errno, code, syscall: "write" });
}

test("every errno of a call of Node's has the kernel's name, those too that libuv does not know", () => {
  assert.ok(!getSystemErrorMap().has(-constants.errno.EDQUOT), "known by now: take another");
  const numbers = [...new Set(Object.values(constants.errno))];
  assert.ok(numbers.length > 70);
  for (const number of numbers) assert.equal(errnoOf(nodeError(number)), errnoName(number));
});

test("a full quota and a stale file handle are the kernel's refusals, told like any other", () => {
  for (const name of ["EDQUOT", "ESTALE"] as const)
    assert.throws(
      () =>
        nodeCall(
          "write",
          () => "write(3, …, 1)",
          () => {
            throw nodeError(constants.errno[name]);
          },
        ),
      { name: "KernelError", errno: name, call: "write(3, …, 1)" },
    );
});

test("a group that cannot have a controller is told so, under the name of the man pages", () => {
  const write = (): never => {
    throw nodeError(constants.errno.EOPNOTSUPP);
  };
  assert.throws(() => nodeCall("cgroup", () => "write(3, +memory)", write), {
    errno: "EOPNOTSUPP",
    hint: /threaded/,
  });
});

test("what is no refusal of the kernel's is handed on as it is", () => {
  const ours = new TypeError("a mistake");
  assert.equal(errnoOf(ours), undefined);
  assert.throws(
    () =>
      nodeCall(
        "open",
        () => "",
        () => {
          throw ours;
        },
      ),
    ours,
  );
});
