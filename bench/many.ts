// Many environments in one process, against a shell loop of mount(8) and the least that a Node program can do.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { interleave, type Measured } from "./interleave.ts";
import type { Workspace } from "./workspace.ts";

const BARE = fileURLToPath(new URL("bare.js", import.meta.url));
const VOLUMES = ["a", "b", "c", "d"];
const name = (n: number): string => `many-${String(n).padStart(3, "0")}`;

/** `count` files of one overlay and four volumes each. */
function declare(w: Workspace, count: number): void {
  for (const volume of VOLUMES) {
    mkdirSync(join(w.dir, "sources", volume), { recursive: true });
    mkdirSync(join(w.rootfs, "mnt", volume));
  }
  const volumes = VOLUMES.map((v) => `"../sources/${v}:/mnt/${v}:rw"`).join(", ");
  for (let n = 0; n < count; n++)
    w.write(
      `many/${name(n)}.yaml`,
      `version: 1\nname: ${name(n)}\nrootfs: { dir: ../rootfs }\nvolumes: [${volumes}]\n`,
    );
}

/** Mounts what `looped` of `count` environments consist of, with directories that are there already: nothing but mount(8). */
function loop(w: Workspace, count: number, looped: number): { readonly up: string; readonly down: string } {
  for (let n = 0; n < count; n++)
    for (const dir of ["u", "w", "m"]) mkdirSync(join(w.dir, "loop", String(n), dir), { recursive: true });
  const at = `${w.dir}/loop/$n`;
  const binds = VOLUMES.map((v) => `mount --bind ${w.dir}/sources/${v} ${at}/m/mnt/${v}`).join("\n");
  const overlay = `mount -t overlay overlay -o lowerdir=${w.rootfs},upperdir=${at}/u,workdir=${at}/w ${at}/m`;
  const each = (last: number, line: string): string => `for n in $(seq 0 ${last}); do\n${line}\ndone\n`;
  return {
    up: w.write("up.sh", `set -e\n${each(looped - 1, `${overlay}\n${binds}`)}`),
    down: w.write("down.sh", each(count - 1, `! mountpoint -q ${at}/m || umount -R ${at}/m`)),
  };
}

/**
 * Applies `count` environments in one process, and mounts `looped` of them by a shell loop; what was put up is taken down in between.
 * Answers envctl, the loop, and a bare program without and with records: so much of envctl's time is any such program's.
 */
export function many(w: Workspace, count: number, looped: number, runs: number): readonly Measured[] {
  declare(w, count);
  const { up, down } = loop(w, count, looped);
  const after = (): void => void spawnSync("/bin/sh", [down]);
  const bare = [process.execPath, BARE, join(w.dir, "many"), w.rootfs, join(w.dir, "loop")] as const;
  return interleave(
    [
      {
        name: `envctl apply of ${count} environments`,
        argv: w.command("apply", "-y", "-q", "many/"),
        cwd: w.dir,
        env: w.env,
        after: () => w.envctl("destroy", "-y", "-q", "many/"),
      },
      { name: `shell loop of mount(8) for ${looped}`, argv: ["/bin/sh", up], after },
      { name: `bare program for ${count}, no records`, argv: bare, after },
      { name: `bare program for ${count}, with records`, argv: [...bare, "records"], after },
    ],
    runs,
    1,
  );
}
