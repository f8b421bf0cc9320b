// Many environments in one process, against a shell loop of mount(8).
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { interleave, type Measured } from "./interleave.ts";
import type { Workspace } from "./workspace.ts";

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

/** Mounts what `count` environments consist of, with directories that are there already: nothing but mount(8). */
function loop(w: Workspace, count: number): { readonly up: string; readonly down: string } {
  for (let n = 0; n < count; n++)
    for (const dir of ["u", "w", "m"]) mkdirSync(join(w.dir, "loop", String(n), dir), { recursive: true });
  const all = `for n in $(seq 0 ${count - 1})`;
  const at = `${w.dir}/loop/$n`;
  const binds = VOLUMES.map((v) => `mount --bind ${w.dir}/sources/${v} ${at}/m/mnt/${v}`).join("\n");
  const overlay = `mount -t overlay overlay -o lowerdir=${w.rootfs},upperdir=${at}/u,workdir=${at}/w ${at}/m`;
  return {
    up: w.write("up.sh", `set -e\n${all}; do\n${overlay}\n${binds}\ndone\n`),
    down: w.write("down.sh", `set -e\n${all}; do\numount -R ${at}/m\ndone\n`),
  };
}

/** Applies `count` environments in one process, and mounts `looped` of them by a shell loop; what was put up is taken down in between. */
export function many(w: Workspace, count: number, looped: number, runs: number): readonly Measured[] {
  declare(w, count);
  const { up, down } = loop(w, looped);
  return interleave(
    [
      {
        name: `envctl apply of ${count} environments`,
        argv: w.command("apply", "-y", "-q", "many/"),
        cwd: w.dir,
        env: w.env,
        after: () => w.envctl("destroy", "-y", "-q", "many/"),
      },
      {
        name: `shell loop of mount(8) for ${looped}`,
        argv: ["/bin/sh", up],
        after: () => void spawnSync("/bin/sh", [down]),
      },
    ],
    runs,
    1,
  );
}
