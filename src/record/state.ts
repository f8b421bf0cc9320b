import type { AbsPath, Lineage } from "#model/brand";
import { baseName, join, parentOf } from "#model/brand";
import { CALLED } from "#model/file-type";
import { failure, KernelError } from "#model/diagnostic";
import type { Ownership } from "#model/resource";
import type { Clock } from "#ports/clock";
import type { Files } from "#ports/files";
import type { Reader } from "#ports/reader";

/** A state directory: its real path, since that is what the mount table shows. */
export type State = { readonly dir: AbsPath; readonly lineage: Lineage };

const AREAS = ["envs", "layers", "locks"] as const;
const LINEAGE = "lineage";
const README = `This directory belongs to envctl: the writable layers, mount points and records of applied environments.

Do not delete or move anything in it by hand. What looks like an ordinary directory below envs/ may be a mount of files that
lie elsewhere on this host, and deleting it would delete those. To take environments away: envctl ls, envctl destroy.
`;

/** Where a state directory is or would be, as a real path. */
export function realState(reader: Reader, dir: AbsPath): AbsPath {
  const real = reader.realpath(dir);
  if (real !== undefined || dir === "/") return real ?? dir;
  return join(realState(reader, parentOf(dir)), baseName(dir));
}

/** Opens a state directory without changing anything; undefined where there is none yet. @throws Failure bad_state_dir */
export function openState(reader: Reader, dir: AbsPath): State | undefined {
  const stat = reader.lstat(dir);
  if (stat === undefined) return undefined;
  if (stat.type !== "dir") {
    const target =
      stat.type === "symlink"
        ? `; name the directory itself: --state-dir ${reader.realpath(dir) ?? "DIR"}`
        : "";
    throw bad(dir, `it is ${CALLED[stat.type]}${target}`);
  }
  const real = realState(reader, dir);
  if (stat.uid !== reader.uid && stat.uid !== 0)
    throw reader.rootless === undefined
      ? bad(dir, `it belongs to user ${stat.uid}`, ANOTHER)
      : bad(dir, "it belongs to somebody else", ANOTHER);
  const [names, text] = ours(dir, () => {
    const all = reader.list(real);
    return [all, all.includes(LINEAGE) ? reader.text(join(real, LINEAGE)).trim() : undefined];
  });
  if ((stat.mode & 0o022) !== 0 && names.length > 0) {
    throw bad(
      dir,
      `it can be written by others (mode ${stat.mode.toString(8)})`,
      `look at what is in it, then: chmod 700 ${dir}`,
    );
  }
  // Made while others could write here; looked at again once nobody can, when a lineage is made.
  for (const area of AREAS) {
    const there = reader.lstat(join(real, area));
    if (there !== undefined && (there.type !== "dir" || (there.uid !== reader.uid && there.uid !== 0)))
      throw bad(dir, `${area} in it is ${CALLED[there.type]} of user ${there.uid}`, ANOTHER);
  }
  if (text === undefined && (reader.listAny(join(real, "envs")) ?? []).length > 0) {
    throw bad(
      dir,
      `its file ${LINEAGE} is gone, so that nothing in it can be recognised`,
      `put it back; overlays in /proc/self/mountinfo show it: envctl:LINEAGE:ID`,
    );
  }
  if (text === undefined) return undefined;
  if (!/^[0-9a-f]{8}$/.test(text)) throw bad(dir, `its file ${LINEAGE} does not hold eight hex digits`);
  return { dir: real, lineage: text as Lineage };
}

/** Not that it be given to the caller: what somebody else put there, bytecode too, would be trusted from then on. */
const ANOTHER = "name a directory of your own: --state-dir DIR";

/** Reads what only the owner of a state directory may. @throws Failure bad_state_dir */
function ours<T>(dir: AbsPath, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KernelError && error.errno === "EACCES")) throw error;
    throw bad(
      dir,
      "it is root's alone to read",
      "repeat the command with sudo, or name another: --state-dir DIR",
    );
  }
}

function bad(dir: AbsPath, detail: string, hint?: string): Error {
  return failure(1, "bad_state_dir", `${dir} cannot be used as the state directory`, {
    detail,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Nobody who runs a service, and who starts anything with an empty environment, has a home. */
function notOurs({ uid, rootless }: Reader, dir: AbsPath, { call, errno }: KernelError): Error {
  const ordinary = uid !== 0 || rootless !== undefined;
  return failure(1, "bad_state_dir", `the state directory ${dir} cannot be made`, {
    call,
    errno,
    hint: ordinary
      ? "set HOME or XDG_STATE_HOME to a directory of yours, or name one: --state-dir DIR"
      : "name another: --state-dir DIR",
  });
}

type Ports = { readonly reader: Reader; readonly files: Files; readonly clock: Clock };

/** Opens a state directory, making what is missing: 0700, a lineage, a README. @throws Failure bad_state_dir, KernelError */
export function createState(ports: Ports, dir: AbsPath): State {
  const { reader, files } = ports;
  const known = openState(reader, dir);
  const owner = me(reader, 0o700);
  const real = realState(reader, dir);
  if (known === undefined) {
    const strangers = (reader.listAny(real) ?? []).filter(
      (n) => ![...AREAS, LINEAGE, "README", `.${LINEAGE}.new`].includes(n),
    );
    if (strangers.length > 0)
      throw bad(
        dir,
        `it holds other things: ${strangers.slice(0, 3).join(", ")}`,
        "name an empty or a new directory",
      );
    try {
      makeParents(ports, parentOf(real));
      files.makeDir(real, owner);
    } catch (error) {
      throw error instanceof KernelError && error.errno === "EACCES" ? notOurs(reader, dir, error) : error;
    }
  }
  const stat = reader.lstat(real);
  if (stat !== undefined && stat.mode !== 0o700)
    files.setOwnership(real, { ...owner, uid: stat.uid, gid: stat.gid });
  for (const area of AREAS)
    if (reader.lstat(join(real, area)) === undefined) files.makeDir(join(real, area), owner);
  return known ?? found(ports, dir, real);
}

/** The first of several that start at once makes the lineage; it is written last, and says that the directory is complete. */
function found(ports: Ports, dir: AbsPath, real: AbsPath): State {
  const { reader, files, clock } = ports;
  const lock = join(real, "locks", "state");
  for (let tries = 0; ; tries++) {
    const attempt = files.lock(lock);
    if (attempt.kind === "taken") {
      if (tries > 200) throw failure(4, "in_use", `${real} is being made by another envctl`);
      clock.pause(10);
      continue;
    }
    try {
      const already = openState(reader, dir);
      if (already !== undefined) return already;
      files.writeFile(join(real, "README"), README, 0o600);
      // A fresh random UUID with each read (random(4)).
      const lineage = reader
        .sha256(reader.text("/proc/sys/kernel/random/uuid" as AbsPath))
        .slice(0, 8) as Lineage;
      files.replaceFile(join(real, LINEAGE), `${lineage}\n`);
      return { dir: real, lineage };
    } finally {
      files.unlockAndRemove(lock, attempt.lock);
    }
  }
}

function makeParents(ports: Ports, dir: AbsPath): void {
  if (ports.reader.stat(dir) !== undefined) return;
  makeParents(ports, parentOf(dir));
  // $XDG_STATE_HOME and above are 0700 by the base directory specification; /var/lib is everybody's to read.
  ports.files.makeDir(dir, me(ports.reader, ports.reader.uid === 0 ? 0o755 : 0o700));
}

/** Our own ids: /proc/self belongs to the effective ones. */
function me(reader: Reader, mode: number): Ownership {
  const self = reader.stat("/proc/self" as AbsPath);
  return { mode, uid: self?.uid ?? reader.uid, gid: self?.gid ?? 0 };
}
