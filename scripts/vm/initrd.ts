// What a machine's kernel starts with: the modules it lacks to reach its disk, a busybox, and the first process.
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { unpackKernel } from "./debian.ts";
import { modules } from "./machines.ts";
import { output, sh } from "./shell.ts";

export type Kernel = { readonly image: string; readonly initrd: string };

/** Loads the modules in the order of their names, then hands over to the disk's own first process. */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for m in /modules/*.ko; do /bin/busybox insmod "$m" || echo "cannot load $m"; done
/bin/busybox mount -t ext4 /dev/vda /new || /bin/busybox poweroff -f
/bin/busybox umount /dev
exec /bin/busybox switch_root /new /vm/init
`;

/** Kernel and first file system of a Debian kernel package, made once a package below `dir`. `busybox` is a static one. */
export function kernelOf(deb: string, busybox: string, dir: string): Kernel {
  const name = basename(deb, ".deb");
  const kernel = { image: join(dir, `${name}.vmlinuz`), initrd: join(dir, `${name}.initrd`) };
  if (existsSync(kernel.initrd)) return kernel;
  const scratch = mkdtempSync(join(dir, "kernel-"));
  try {
    const unpacked = unpackKernel(deb, join(scratch, "deb"));
    const root = join(scratch, "root");
    for (const sub of ["bin", "dev", "new", "modules"]) mkdirSync(join(root, sub), { recursive: true });
    copyFileSync(busybox, join(root, "bin/busybox"));
    writeFileSync(join(root, "init"), INIT, { mode: 0o755 });
    for (const [index, file] of inOrder(unpacked.modules).entries())
      copyFileSync(file, join(root, "modules", `${100 + index}-${basename(file)}`));
    copyFileSync(unpacked.image, kernel.image);
    // Its name comes last: it is what the next run looks for.
    sh(root, 'find . | cpio -o -H newc -R +0:+0 --quiet >"$1.half"; mv "$1.half" "$1"', kernel.initrd);
    return kernel;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Files of the wanted modules and of what they depend on, each after those it needs. @throws Error where the kernel has no such module */
function inOrder(dir: string): readonly string[] {
  const plain = (name: string): string => name.replaceAll("-", "_");
  const files = new Map(
    globSync(join(dir, "kernel/**/*.ko{,.xz,.zst}")).map((file) => [
      plain(basename(file).replace(/\.ko.*$/, "")),
      file,
    ]),
  );
  const builtin = plain(readFileSync(join(dir, "modules.builtin"), "utf8"));
  const order = new Set<string>();
  const add = (name: string): void => {
    const file = files.get(plain(name));
    if (file === undefined) {
      if (builtin.includes(`/${plain(name)}.ko`)) return;
      throw new Error(`${basename(dir)} has no module ${name}`);
    }
    const ready = decompressed(file);
    if (order.has(ready)) return;
    needsOf(ready).forEach(add);
    order.add(ready);
  };
  modules.forEach(add);
  return [...order];
}

function decompressed(file: string): string {
  const plain = file.replace(/\.(xz|zst)$/, "");
  if (plain !== file && !existsSync(plain)) output(file.endsWith(".xz") ? "xz" : "zstd", ["-dkq", file]);
  return plain;
}

/** Module names in the file's own words: `depends=a,b` and `softdep=pre: c` (modinfo(8)). */
function needsOf(file: string): readonly string[] {
  const words = readFileSync(file, "latin1");
  const [, hard = ""] = /\0depends=([^\0]*)/.exec(words) ?? [];
  return hard.split(",").filter(Boolean);
}
