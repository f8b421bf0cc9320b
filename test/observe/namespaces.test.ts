import assert from "node:assert/strict";
import test from "node:test";
import { parseMountinfo } from "#model/mountinfo";
import { namespacesWith, overlayAndBelow } from "#observe/namespaces";
import { commandOf } from "#observe/proc";
import { KernelError } from "#model/diagnostic";
import type { Reader } from "#ports/reader";
import { FakeKernel } from "#test/fake-kernel";

const TAG = "envctl:feedbeef:web-0123abcd";
const TABLE = [
  "20 1 8:1 / / rw - ext4 /dev/sda1 rw",
  "31 30 0:51 / /m/tmp rw - tmpfs tmpfs rw", // listed before its parent: it was moved there
  `30 20 0:50 / /m rw - overlay ${TAG} rw,lowerdir+=/a`,
  "32 31 8:1 /data /m/tmp/data rw - ext4 /dev/sda1 rw",
  `33 20 0:60 / /other rw - overlay ${TAG}.r1 rw,lowerdir+=/a`,
  "34 33 0:61 / /other/x rw - tmpfs tmpfs rw",
].join("\n");

test("an overlay with the very tag and all that hangs on it, in whatever order it is listed", () => {
  assert.deepEqual(
    overlayAndBelow(parseMountinfo(TABLE), TAG).map((m) => m.id),
    ["31", "30", "32"],
  );
  assert.deepEqual(overlayAndBelow(parseMountinfo(TABLE), `${TAG}.r`), []);
});

/** The fake with the mount tables of processes in namespaces of their own. */
function tables(k: FakeKernel, texts: Readonly<Record<number, string | Error>>): Reader {
  return {
    ...k.reader,
    textAny: (path) => {
      const text = texts[Number(/^\/proc\/(\d+)\/mountinfo$/.exec(path)?.[1])];
      if (text instanceof Error) throw text;
      return text ?? k.reader.textAny(path);
    },
  };
}

test("each namespace is looked at once, through a process that can be read", () => {
  const k = new FakeKernel();
  k.process(10, { namespace: "2" });
  k.process(11, { namespace: "2", command: "node server.js" });
  k.process(12, { namespace: "3" });
  k.process(13);
  const asked: string[] = [];
  const reader = tables(k, {
    10: new KernelError("open", "EACCES"),
    11: TABLE,
    12: TABLE.replaceAll(TAG, "envctl:feedbeef:else-0123abcd"),
  });
  const counting: Reader = {
    ...reader,
    textAny: (path) => {
      if (path.endsWith("/mountinfo")) asked.push(path);
      return reader.textAny(path);
    },
  };
  const [view, ...more] = namespacesWith(counting, TAG, new Set());
  assert.deepEqual(more, []);
  assert.deepEqual(
    { ...view, mounts: view!.mounts.length },
    { namespace: "2", pid: 11, command: "node server.js", own: false, mounts: 3 },
  );
  assert.deepEqual(asked, ["/proc/10/mountinfo", "/proc/11/mountinfo", "/proc/12/mountinfo"]);
  assert.equal(
    namespacesWith(reader, TAG, new Set([10]))[0]!.own,
    true,
    "any of its processes makes it the environment's own",
  );
});

test("a process without a command line is shown by its name", () => {
  const k = new FakeKernel();
  const reader: Reader = {
    ...k.reader,
    textAny: (path) => (path === "/proc/2/comm" ? "kthreadd\n" : path === "/proc/2/cmdline" ? "" : undefined),
  };
  assert.equal(commandOf(reader, 2), "[kthreadd]");
  assert.equal(commandOf(reader, 3), "[?]");
});
