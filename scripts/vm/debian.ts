// Fetches Debian packages through the machine's own apt sources and unpacks them without installing anything here.
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { packages } from "./machines.ts";
import { output, sh } from "./shell.ts";

// _apt, the user downloads are made as, may not write where we keep them.
const OPTIONS = ["-qq", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"];

const apt = (args: readonly string[], cwd?: string): string => output("apt-get", [...OPTIONS, ...args], cwd);

/** What this machine's lists do not know, or only in a version that is gone by now, is asked for once more with new ones. */
function retried<T>(run: () => T): T {
  try {
    return run();
  } catch {
    apt(["update"]);
    return run();
  }
}

/** The package file of a kernel, fetched once into `dir`; a meta package depends on the real one. */
export function fetchKernel(meta: string, dir: string): string {
  mkdirSync(dir, { recursive: true });
  return retried(() => {
    const about = output("apt-cache", ["show", "--no-all-versions", meta]);
    const [, real] = /^Depends:.*?(linux-image-\d[^ ,(]*)/m.exec(about) ?? [];
    if (real === undefined) throw new Error(`${meta} depends on no kernel\n${about}`);
    const found = (): string | undefined => globSync(`${real}_*.deb`, { cwd: dir }).sort().at(-1);
    if (found() === undefined) apt(["download", real], dir);
    return join(dir, found()!);
  });
}

/**
 * The directory tree of the machines' packages, made once below `dir` and named after their list. apt is told that nothing is
 * installed, so that it fetches all they depend on.
 */
export function debianRoot(dir: string): string {
  const key = createHash("sha256").update(packages.join()).digest("hex").slice(0, 12);
  const root = join(dir, `debian-${key}`);
  if (existsSync(root)) return root;
  const archives = join(dir, "archives");
  const half = `${root}.half`;
  rmSync(half, { recursive: true, force: true });
  mkdirSync(join(archives, "partial"), { recursive: true });
  writeFileSync(join(dir, "status"), "");
  const empty = ["-o", `Dir::State::status=${join(dir, "status")}`, "-o", `Dir::Cache::archives=${archives}`];
  const install = ["--no-install-recommends", "--download-only", "-y", "install"];
  retried(() => apt([...empty, "-o", "Debug::NoLocking=1", ...install, ...packages]));
  // /bin, /lib and the like are links, as in an installed Debian; its packages still hold the old paths.
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(half, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(half, name));
  }
  for (const deb of globSync(join(archives, "*.deb")).sort()) unpack(deb, half);
  symlinkSync("mawk", join(half, "usr/bin/awk"));
  output("ldconfig", ["-r", half]); // which libc-bin's installation does
  renameSync(half, root);
  return root;
}

const UNREAD = ["./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/info"];

function unpack(deb: string, root: string): void {
  const without = UNREAD.map((path) => `--exclude=${path}/*`).join(" ");
  sh(root, `dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink ${without}`, deb);
}

/** The kernel's version, its image and its modules, unpacked below `dir`. */
export function unpackKernel(deb: string, dir: string): { readonly image: string; readonly modules: string } {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  output("dpkg-deb", ["-x", deb, dir]);
  const [image] = globSync(join(dir, "boot/vmlinuz-*"));
  const [modules] = globSync(join(dir, "{usr/,}lib/modules/*"));
  if (image === undefined || modules === undefined) throw new Error(`${basename(deb)} holds no kernel`);
  return { image, modules };
}
