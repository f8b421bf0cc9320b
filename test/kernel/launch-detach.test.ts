import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import type { OwnedCgroup } from "#model/record";
import { supervised } from "#kernel/launch-detach";
import { findHelpers } from "#kernel/launch-helpers";
import { parseStatus, type Status } from "#observe/runs";
import { needs, onPath } from "#test/needs";
import { scratch } from "./fixture.ts";

type Watched = { readonly status: Status | undefined; readonly stderr: string; readonly rss: number };

/** A supervisor of `sh` around a script; `kill`: sent to its child once that is there. */
async function supervise(
  dir: AbsPath,
  sh: string,
  script: string,
  { kill, groups = [] }: { readonly kill?: NodeJS.Signals; readonly groups?: readonly OwnedCgroup[] } = {},
): Promise<Watched> {
  const [program, ...words] = supervised(findHelpers(sh), { cgroups: groups }, [sh, "-c", script]);
  const files = ["stderr", "stdout", "status"].map((name) => openSync(join(dir, name), "a"));
  // 3 is where an entry waits for its word, 4 where the number of the child is told.
  const child = spawn(program, words, { stdio: [...files, "pipe", "pipe"] });
  const ended = once(child, "exit");
  const [said] = (await once(child.stdio[4]!, "data")) as [Buffer];
  const pid = Number(said.toString());
  const rss = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))?.[1]);
  if (kill !== undefined) process.kill(pid, kill);
  await ended;
  for (const fd of files) closeSync(fd);
  return {
    status: parseStatus(readFileSync(join(dir, "status"), "utf8")),
    stderr: readFileSync(join(dir, "stderr"), "utf8"),
    rss,
  };
}

for (const shell of ["dash", "bash", "busybox"]) {
  test(
    `${shell} as a supervisor tells a signal from an exit, and says it to its own file alone`,
    needs("root", `program:${shell}`, "program:setsid"),
    async (t) => {
      const top = scratch(t);
      let sh = onPath(shell)!;
      if (shell === "busybox") {
        // By the name of its applet.
        symlinkSync(sh, join(top, "sh"));
        sh = join(top, "sh");
      }
      let number = 0;
      const run = (script: string, options?: Parameters<typeof supervise>[3]): Promise<Watched> => {
        const dir = join(top, `${++number}`);
        mkdirSync(dir);
        return supervise(dir, sh, script, options);
      };
      const killed = await run("sleep 1000000 & wait", { kill: "SIGKILL" });
      assert.deepEqual(killed.status, { ending: { signal: "SIGKILL" }, oomKills: 0 });
      assert.equal(killed.stderr, "", "no word of the supervisor's gets into the log");
      assert.ok(killed.rss < 4096, `${killed.rss} kB`);
      const exited = await run("echo said >&2; exit 137");
      assert.deepEqual([exited.status, exited.stderr], [{ ending: { code: 137 }, oomKills: 0 }, "said\n"]);
      // As PID 1 it has a session of its own, and what it sends to its group does not reach its supervisor.
      assert.deepEqual((await run("trap '' TERM; kill -TERM 0; exit 6")).status?.ending, { code: 6 });
      // A counter that is there is read from where the supervisor stands, at the end.
      const groups = [{ dir: top, version: 2, controllers: ["memory"] }] as const;
      writeFileSync(join(top, "memory.events"), "low 0\noom 2\noom_kill 3\n");
      assert.equal((await run("exit 0", { groups })).status?.oomKills, 3);
    },
  );
}
