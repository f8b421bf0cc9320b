import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { needs } from "#test/needs";

/** Each makes a mount that is attached nowhere, and sets its attributes before it hands it over. */
const MAKERS: readonly (readonly [name: string, call: string])[] = [
  ["a clone of a directory", `(await import("#kernel/inner")).cloneTree("/usr", false)`],
  ["proc of a child", `(await import("#kernel/launch-system")).takenProc("/proc")`],
  ["a read-only part", `withFd(openat(-100, "/", 0), (at) => mask.makeReadOnly(at, ["proc"]))`],
  ["a masked file", `withFd(openat(-100, "/proc", 0), (at) => mask.mask(at, ["version"]))`],
];

for (const [name, call] of MAKERS) {
  test(
    `${name} that the kernel gives no attributes is closed: an open one keeps its file system busy`,
    needs("root", "mounts", "program:strace"),
    () => {
      const script = `
        import { readdirSync } from "node:fs";
        import { openat, withFd } from "#kernel/syscalls-file";
        import { geteuid } from "#kernel/syscalls-process";
        import * as mask from "#kernel/launch-mask";
        geteuid();
        await import("#kernel/launch-system");
        const open = () => readdirSync("/proc/self/fd").length;
        const before = open();
        const said = await (async () => ${call})().catch((error) => error.call.split("(")[0]);
        console.log(said, open() - before);
      `;
      const refused = ["-f", "-qq", "-o", "/dev/null", "-e", "inject=mount_setattr:error=EPERM"];
      const node = [process.execPath, "--input-type=module", "-e", script];
      const run = spawnSync("strace", [...refused, ...node], { encoding: "utf8", cwd: import.meta.dirname });
      assert.equal(run.stdout, "mount_setattr 0\n", run.stderr);
    },
  );
}
