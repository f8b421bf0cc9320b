import assert from "node:assert/strict";
import { test } from "node:test";
import type { AbsPath } from "#model/brand";
import { configuredDirs, expand } from "#sources/search";
import { FakeKernel } from "#test/fake-kernel";

test("/etc/ld.so.conf is read with what it includes, in order, comments and circles and all", () => {
  const { disk, reader } = new FakeKernel();
  for (const dir of ["/etc", "/etc/ld.so.conf.d"]) disk.dir(dir as AbsPath);
  const write = (path: string, text: string): unknown => disk.file(path as AbsPath, text);
  write(
    "/etc/ld.so.conf",
    "/first # one\ninclude /etc/ld.so.conf.d/*.conf\ninclude more\n/last/\nrelative\n",
  );
  write("/etc/more", "include ld.so.conf.d/b.conf\n");
  write("/etc/ld.so.conf.d/b.conf", "/b\n");
  write("/etc/ld.so.conf.d/a.conf", "#/none\n/a\n");
  write("/etc/ld.so.conf.d/c.txt", "/not\n");
  assert.deepEqual(configuredDirs(reader), ["/first", "/a", "/b", "/b", "/last"]);
  write("/etc/ld.so.conf", "/x\ninclude /etc/ld.so.conf\n");
  assert.ok(configuredDirs(reader).length < 20);
});

test("words in a run path are expanded; what would depend on the caller's directory is left out", () => {
  const dirs = ["$ORIGIN", "${ORIGIN}/../lib", "/opt/$LIB", "lib", "$ORIGINAL/x", "$PLATFORM/x", "/a/../b"];
  assert.deepEqual(expand(dirs, "/usr/bin" as AbsPath, 64), ["/usr/bin", "/usr/lib", "/opt/lib64", "/b"]);
});
