import assert from "node:assert/strict";
import test from "node:test";
import { escapePath, mountById, overlayPaths, parseMountinfo } from "#model/mountinfo";

const UGLY = [
  "22 27 0:21 / /proc rw,relatime - proc proc rw",
  "36 27 0:40 / /a\\040b\\011c\\012d\\134040e rw,nosuid shared:23 master:4 propagate_from:2 unbindable - overlay envctl:0123abcd:web-00000001 rw,lowerdir+=/l\\054a\\0401,lowerdir+=/l2,upperdir=/u,workdir=/w,uuid=on",
  "37 36 254:0 /gone//deleted /mnt/- rw - ext4 /dev/vda rw,discard",
  "38 36 0:41 /with\\040space /mnt/emoji\u{1F642} ro,nodev - fuse.sshfs me@host:/a\\043b\\040c rw,user_id=0",
  "39 36 0:42 / /mnt/empty rw - tmpfs  rw",
  "40 36 0:43 / /mnt/odd rw - cifs //server/share rw,domain=A B,x=1",
].join("\n");

test("fields are unescaped, optional fields kept, spaces in sources and roots survive", () => {
  const [proc, overlay, gone, fuse, empty, odd] = parseMountinfo(`${UGLY}\n`);
  assert.deepEqual(proc, {
    id: "22",
    parent: "27",
    dev: "0:21",
    root: "/",
    point: "/proc",
    options: ["rw", "relatime"],
    propagation: [],
    type: "proc",
    source: "proc",
    superOptions: ["rw"],
  });
  assert.equal(overlay!.point, "/a b\tc\nd\\040e");
  assert.deepEqual(overlay!.propagation, ["shared:23", "master:4", "propagate_from:2", "unbindable"]);
  assert.equal(overlay!.source, "envctl:0123abcd:web-00000001");
  assert.deepEqual(overlay!.superOptions.slice(0, 3), ["rw", "lowerdir+=/l,a 1", "lowerdir+=/l2"]);
  assert.equal(gone!.root, "/gone//deleted");
  assert.equal(gone!.point, "/mnt/-");
  assert.deepEqual([fuse!.type, fuse!.source, fuse!.root], ["fuse.sshfs", "me@host:/a#b c", "/with space"]);
  assert.equal(fuse!.point, "/mnt/emoji\u{1F642}");
  assert.deepEqual([empty!.type, empty!.source], ["tmpfs", ""]);
  assert.deepEqual(odd!.superOptions, ["rw", "domain=A B", "x=1"]);
});

test("with `about` only lines that mention one of the texts are parsed, each once, in the kernel's order", () => {
  const ids = (about: readonly string[]): readonly string[] => parseMountinfo(UGLY, about).map((m) => m.id);
  assert.deepEqual(ids(["/mnt/", "fuse"]), ["37", "38", "39", "40"]);
  assert.deepEqual(ids(["overlay", "/proc"]), ["22", "36"]);
  assert.deepEqual(ids(["nowhere"]), []);
  assert.deepEqual(parseMountinfo("", ["x"]), []);
  assert.deepEqual(parseMountinfo(UGLY, ["/mnt/odd"])[0]!.id, "40");
});

test("a mount is found by its id, not by a number that looks like it", () => {
  assert.equal(mountById(UGLY, "22")!.point, "/proc");
  assert.equal(mountById(UGLY, "37")!.point, "/mnt/-");
  assert.equal(mountById(UGLY, "2"), undefined);
  assert.equal(mountById(UGLY, "27"), undefined);
});

test("what is no line is refused: an unseen mount would be deleted through", () => {
  assert.throws(() => parseMountinfo("36 27 0:40 / /mnt rw - tmpfs"), /no line of mountinfo/);
  assert.throws(() => parseMountinfo(`${UGLY}\n41 36 0:4`), /no line of mountinfo/);
});

test("a path is escaped as the kernel does", () => {
  assert.equal(escapePath("/a b\tc\nd\\e#f"), "/a\\040b\\011c\\012d\\134e#f");
});

test("ten thousand foreign mounts cost next to nothing when only ours are asked for", () => {
  const line = (n: number): string =>
    `${n + 100} 27 0:${n} / /mnt/foreign/number-${n} rw,relatime shared:${n} - tmpfs tmpfs rw,size=1024k`;
  const text = [...Array.from({ length: 10_000 }, (_, n) => line(n)), UGLY].join("\n");
  assert.equal(parseMountinfo(text, ["envctl:0123abcd:"]).length, 1);
  const best = (run: () => void): number =>
    Math.min(
      ...Array.from({ length: 5 }, () => {
        const t = performance.now();
        run();
        return performance.now() - t;
      }),
    );
  assert.ok(best(() => parseMountinfo(text, ["envctl:0123abcd:", "/var/lib/envctl"])) < 15);
  assert.ok(best(() => parseMountinfo(text)) < 150);
});

test("layers of an overlay: new and old form, escapes, descriptors are unknown", () => {
  assert.deepEqual(overlayPaths(["rw", "lowerdir+=/b:c", "lowerdir+=/a", "upperdir=/u", "workdir=/w"]), {
    lowers: ["/b:c", "/a"],
    upper: "/u",
    work: "/w",
  });
  const old = parseMountinfo(
    "46 27 0:39 / /m rw - overlay x rw,lowerdir=/l1:/a\\134\\054b\\134:c=d\\040e\\134\\134f#g,upperdir=/u",
  )[0]!;
  assert.deepEqual(overlayPaths(old.superOptions), { lowers: ["/l1", "/a,b:c=d e\\f#g"], upper: "/u" });
  assert.deepEqual(overlayPaths(["ro", "lowerdir=22:23", "upperdir=322", "workdir=323"]), {});
  assert.deepEqual(overlayPaths(["rw", "lowerdir+=/proc/self/fd/22", "lowerdir+=/a"]), {});
  assert.deepEqual(overlayPaths(["rw"]), {});
});
