import { line } from "./json.ts";
import { shown, type Look } from "./look.ts";
import { inert } from "./text.ts";

/** A commented environment file that is valid as it is, over a directory or over programs of the host. */
export function starterFile(
  name: string,
  rootfs: { readonly dir: string } | { readonly host: readonly string[] },
): string {
  const source =
    "dir" in rootfs
      ? `# Used in place and never written.\nrootfs:\n  dir: ${rootfs.dir}`
      : `# Programs of this host with every library they need.\n# A root filesystem of your own: dir: ../rootfs, or archive: ../alpine.tar.gz\nrootfs:\n  host:\n${rootfs.host
          .map((path) => `    - ${path}\n`)
          .join("")
          .trimEnd()}`;
  return `# An environment for envctl. What it comes to: envctl plan ${name}
# What can be written here: envctl schema, or the page docs/file-format.md
version: 1
name: ${name} # equals the file's name

${source}

# Extra read-only layers above it, the first listed is the topmost.
# lowers:
#   - ../layers/tools

# What is written inside goes to disk, to memory ({ tmpfs: 512MiB }),
# or is refused (none).
# overlay:
#   upper: disk

# Host directories and files inside, host:container[:ro|rw];
# relative paths start at this file.
# volumes:
#   - ../src:/work:ro
#   - ../cache:/var/cache/app

tmpfs:
  - { target: /tmp, size: 64MiB, mode: 1777 }

# What the cgroup allows.
# limits:
#   memory: 256MiB
#   cpus: 1.5
#   pids: 128

entry:
  command: [/bin/sh, -c, 'echo "Hello from $(cat /etc/hostname)"']
  # env: { CI: 1 }
  # workdir: /work
  # network: none # or host
`;
}

/** Where the file was written, and what to do next. */
export function initText(name: string, file: string, look: Look): string {
  return `Wrote ${inert(shown(file, look))}.\nNext: envctl plan ${name}, then envctl run --rm ${name}\n`;
}

/** envctl.init/1 */
export function initJson(name: string, file: string): string {
  return line({ format: "envctl.init/1", name, file });
}
