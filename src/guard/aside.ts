import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import { quietly } from "#observe/proc";
import type { Cgroups } from "#ports/cgroups";
import type { Reader } from "#ports/reader";

type Ports = { readonly reader: Reader; readonly cgroups: Cgroups };

/** The group that processes of a base group go to: on v2 only a group without processes hands controllers down. */
const ASIDE = "envctl-callers";
const PATIENCE_MS = 2000;

const words = (text: string | undefined): readonly string[] => (text ?? "").split(/\s+/).filter(Boolean);
const read = ({ reader }: Ports, dir: AbsPath, file: string): readonly string[] =>
  words(quietly(() => reader.textAny(join(dir, file))));

/**
 * Hands v2 controllers down from a group to those in it. Writing one again is harmless, but a group with processes would say EBUSY
 * ("no internal processes", cgroup-v2.rst): where this process is one of them, which makes the group its caller's to arrange, they all step
 * aside first. The root of all is exempt, and alone has no cgroup.type. @throws KernelError
 */
export function handDown(ports: Ports, dir: AbsPath, controllers: readonly string[]): void {
  const on = read(ports, dir, "cgroup.subtree_control");
  const missing = controllers.filter((c) => !on.includes(c));
  if (missing.length === 0) return;
  if (ports.reader.stat(join(dir, "cgroup.type")) !== undefined) stepAside(ports, dir);
  ports.cgroups.write(dir, "cgroup.subtree_control", missing.map((c) => `+${c}`).join(" "));
}

function stepAside(ports: Ports, dir: AbsPath): void {
  const pids = read(ports, dir, "cgroup.procs");
  if (!pids.includes(`${ports.reader.pid}`)) return;
  const aside = join(dir, ASIDE);
  ports.cgroups.create(aside);
  moveAll(ports, dir, aside);
}

/** They fork meanwhile, and each look may find new ones; what cannot be moved makes the next call say EBUSY. */
function moveAll(ports: Ports, from: AbsPath, to: AbsPath): void {
  for (let round = 0; round < 10; round++) {
    const pids = read(ports, from, "cgroup.procs");
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        ports.cgroups.write(to, "cgroup.procs", pid);
      } catch (error) {
        if (!(error instanceof KernelError && error.errno === "ESRCH")) throw error;
      }
    }
  }
}

/** Takes those who stepped aside back, once no group of any envctl is left in `dir`; where others made groups in it, all stays. */
export function stepBack(ports: Ports, dir: AbsPath): void {
  const { reader, cgroups } = ports;
  const aside = join(dir, ASIDE);
  if (reader.stat(aside)?.type !== "dir" || groupsIn(reader, dir).length > 1) return;
  try {
    const on = read(ports, dir, "cgroup.subtree_control");
    if (on.length > 0) cgroups.write(dir, "cgroup.subtree_control", on.map((c) => `-${c}`).join(" "));
    moveAll(ports, aside, dir);
    cgroups.remove(aside, PATIENCE_MS);
  } catch (error) {
    // They stand as well where they are.
    if (!(error instanceof KernelError)) throw error;
  }
}

function groupsIn(reader: Reader, dir: AbsPath): readonly string[] {
  const all = quietly(() => reader.listAny(dir)) ?? [];
  return all.filter((name) => reader.lstat(join(dir, name))?.type === "dir");
}
