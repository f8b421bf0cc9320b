// The bytecode of the bundle's parts, in STATE/cache (docs/adr/0006-a-code-cache-of-our-own.md).
//
// One file for each version of Node: a line of JSON that says what lies where behind it, then the bytecode. Commands that only look
// read it; one that changes things adds what it compiled. Whoever can write to it can run code as its reader: the state
// directory and the file must be ours alone.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";

/** Node and the bundle: what bytecode is good for. V8 refuses by itself what another version or other flags of it made. */
export type Build = { readonly name: string; readonly digest: string };

type Index = {
  readonly build: string;
  readonly commands: readonly string[];
  readonly parts: Readonly<Record<string, readonly [at: number, bytes: number]>>;
};

/** What was compiled earlier, and by which commands. */
export type Code = {
  readonly commands: readonly string[];
  readonly names: readonly string[];
  of(part: string): Buffer | undefined;
};

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY } = constants;
/** Room for the line of JSON. */
const HEAD = 4096;

/** Opens what must belong to us and nobody else may write to. @throws Error */
function openOwn(path: string, flags: number): number {
  const fd = openSync(path, flags | O_NOFOLLOW);
  const { uid, mode } = fstatSync(fd);
  if (uid === process.geteuid?.() && (mode & 0o022) === 0) return fd;
  closeSync(fd);
  throw new Error(`${path} is not ours alone`);
}

/** Runs `use` with a path that leads to this very directory, which must be ours. @throws Error */
function within<T>(dir: string, use: (path: string) => T): T {
  const fd = openOwn(dir, O_RDONLY | O_DIRECTORY);
  try {
    return use(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function slice(fd: number, at: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  return readSync(fd, buffer, 0, bytes, at) === bytes ? buffer : Buffer.alloc(0);
}

/** Looks for bytecode below `state`; undefined where there is none that is ours and of this build. Changes nothing. */
export function openCode(state: string, build: Build): Code | undefined {
  try {
    const fd = within(state, (dir) => openOwn(`${dir}/cache/${build.name}`, O_RDONLY));
    const head = slice(fd, 0, HEAD).toString("latin1");
    const index = JSON.parse(head.slice(0, head.indexOf("\n"))) as Index;
    if (index.build !== build.digest) return undefined;
    return {
      commands: index.commands,
      names: Object.keys(index.parts),
      of: (part) => {
        const place = index.parts[part];
        return place === undefined ? undefined : slice(fd, ...place);
      },
    };
  } catch {
    return undefined; // none yet, or not to be trusted: compiled anew
  }
}

/** A part that was loaded, as V8 has it by now: with every function that has run. */
export type Loaded = { readonly cachedDataRejected?: boolean | undefined; createCachedData(): Buffer };

/**
 * Keeps the bytecode of loaded parts below `state`, beside that of others which is there, unless `command` found all it needs: each
 * command adds functions of its own. A state directory that does not exist or that cannot be written to stays as it is.
 */
export function keepCode(
  state: string,
  build: Build,
  command: string,
  loaded: ReadonlyMap<string, Loaded>,
): void {
  const old = openCode(state, build);
  const isKept = ([name, script]: readonly [string, Loaded]): boolean =>
    script.cachedDataRejected === false && old?.names.includes(name) === true;
  if (old?.commands.includes(command) === true && [...loaded].every(isKept)) return;
  const names = new Set([...(old?.names ?? []), ...loaded.keys()]);
  const codes = [...names].map(
    (name) => [name, loaded.get(name)?.createCachedData() ?? old!.of(name)!] as const,
  );
  let at = HEAD;
  const places = codes.map(([name, { length }]) => [name, [(at += length) - length, length]] as const);
  const index: Index = {
    build: build.digest,
    commands: [...new Set([...(old?.commands ?? []), command])],
    parts: Object.fromEntries(places),
  };
  const head = Buffer.alloc(HEAD, " ");
  head.write(`${JSON.stringify(index)}\n`);
  try {
    replace(state, build.name, [head, ...codes.map(([, code]) => code)]);
  } catch {
    // A full or read-only disk: the next command compiles again.
  }
}

/** Synced before it gets its name: V8 takes bytecode for whole that a crash cut in the middle. */
function replace(state: string, name: string, content: readonly Buffer[]): void {
  within(state, (own) => {
    // Its lineage comes last: whoever is making it at this moment takes it for somebody else's, once it holds anything but its own.
    if (!existsSync(`${own}/lineage`)) return;
    const cache = `${own}/cache`;
    if (!existsSync(cache)) mkdirSync(cache, { mode: 0o700 });
    within(cache, (at) => {
      // What was killed while it wrote left its own; one that writes at this moment then keeps nothing.
      for (const left of readdirSync(at)) if (left.startsWith(`${name}.`)) unlinkSync(`${at}/${left}`);
      const temporary = `${at}/${name}.${process.pid}`;
      const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        for (const bytes of content) if (writeSync(fd, bytes) !== bytes.length) throw new Error("disk full");
        fsyncSync(fd);
        renameSync(temporary, `${at}/${name}`);
      } catch (error) {
        unlinkSync(temporary);
        throw error;
      } finally {
        closeSync(fd);
      }
    });
  });
}
