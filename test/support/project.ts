// A repository of a user's with an environment file in it, and the built command run on it: what every end-to-end test starts from.
import { spawn, spawnSync, type ChildProcess, type StdioOptions } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Cleanup, tempDir } from "./fixtures.ts";
import { lineages } from "./guard.ts";
import { mountsBelow, readMounts, type MountLine } from "./mountinfo.ts";
import { onPath } from "./needs.ts";
import { checked } from "./schema.ts";
import { NODE, slow } from "./slow.ts";

export const CLI: string = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

export type Result = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly timeout?: number;
  /** Words in front of the command: a program that makes something of the surroundings and then executes it. */
  readonly before?: readonly string[];
  /** Descriptors that it inherits as 3, 4, … */
  readonly fds?: readonly number[];
};

function commandLine(args: readonly string[], { before = [] }: RunOptions): readonly [string, ...string[]] {
  return [...before, process.execPath, CLI, ...args] as unknown as readonly [string, ...string[]];
}

/** Applets of the busybox rootfs: enough of a system to work in. */
const APPLETS =
  "sh ls cat echo rm mkdir touch mv cp ln chmod sleep true false env id ps mount umount stat find grep dd tail kill hostname readlink pwd sync wc head tr cut test".split(
    " ",
  );

/** A static busybox as a root filesystem: bin, etc, tmp (1777), proc, sys, dev, root, var. */
export function busyboxRootfs(dir: string): string {
  for (const sub of ["bin", "etc", "tmp", "proc", "sys", "dev", "root", "var/cache", "usr/bin", "mnt"])
    mkdirSync(join(dir, sub), { recursive: true });
  chmodSync(join(dir, "tmp"), 0o1777);
  const busybox = onPath("busybox");
  if (busybox === undefined) throw new Error("busybox is missing: npm run apt installs busybox-static");
  copyFileSync(busybox, join(dir, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(dir, "bin", applet));
  writeFileSync(
    join(dir, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000:Ana:/home/ana:/bin/sh\n",
  );
  writeFileSync(join(dir, "etc/group"), "root:x:0:\nana:x:1000:\nvideo:x:44:ana\n");
  return dir;
}

export class Project {
  readonly dir: string;
  readonly state: string;
  readonly #hooks: (() => void | Promise<void>)[] = [];
  constructor(dir: string, state: string = join(dir, "state")) {
    this.dir = dir;
    this.state = state;
  }

  /** Something to do at the end of the test, before what is applied is destroyed; the last one added comes first. */
  after(hook: () => void | Promise<void>): void {
    this.#hooks.unshift(hook);
  }

  /** Ends the test's own doings, then destroys whatever is still applied. */
  async end(): Promise<void> {
    for (const hook of this.#hooks) await hook();
    if (existsSync(join(this.state, "lineage"))) lineages.add(this.lineage());
    if (existsSync(join(this.state, "envs"))) this.clear();
  }

  protected clear(): void {
    this.ok(["destroy", "--all", "-y"]);
  }

  /** Writes a file of the repository. */
  write(path: string, text: string, mode?: number): string {
    const file = join(this.dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    if (mode !== undefined) chmodSync(file, mode);
    return file;
  }

  /** Writes envs/NAME.yaml; `version` and `name` are put before the body, a `rootfs` too when it names none. */
  env(name: string, body = ""): string {
    const rootfs = /^rootfs:/m.test(body) ? "" : "rootfs: { dir: ../rootfs }\n";
    return this.write(`envs/${name}.yaml`, `version: 1\nname: ${name}\n${rootfs}${body}`);
  }

  read(path: string): string {
    return readFileSync(join(this.dir, path), "utf8");
  }

  exists(path: string): boolean {
    return existsSync(join(this.dir, path));
  }

  private options(options: RunOptions): { cwd: string; env: NodeJS.ProcessEnv } {
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(
        ([key]) => !key.startsWith("ENVCTL_") && key !== "NODE_COMPILE_CACHE",
      ),
    );
    return {
      cwd: options.cwd ?? this.dir,
      env: { ...inherited, ...NODE, ENVCTL_STATE_DIR: this.state, NO_COLOR: "1", ...options.env },
    };
  }

  /** Runs the built command to its end. */
  run(args: readonly string[], options: RunOptions = {}): Result {
    const [program, ...words] = commandLine(args, options);
    const { status, signal, stdout, stderr, error } = spawnSync(program, words, {
      ...this.options(options),
      encoding: "utf8",
      input: options.input ?? "",
      stdio: ["pipe", "pipe", "pipe", ...(options.fds ?? [])],
      timeout: slow(options.timeout ?? 60_000),
      maxBuffer: 64 << 20,
    });
    if (error !== undefined) throw error;
    return { code: status, signal, stdout, stderr };
  }

  /** Like `run`, and throws with everything printed unless it ends with `code`. */
  ok(args: readonly string[], code = 0, options: RunOptions = {}): Result {
    const result = this.run(args, options);
    if (result.code !== code) {
      const end = result.signal ?? result.code;
      throw new Error(
        `envctl ${args.join(" ")} ended with ${end}, not ${code}\n${result.stdout}${result.stderr}`,
      );
    }
    return result;
  }

  /** The single JSON object a command prints, checked against its schema. */
  json<T = Record<string, unknown>>(args: readonly string[], code = 0, options: RunOptions = {}): T {
    const [only, ...more] = this.lines(args, code, options);
    if (more.length > 0)
      throw new Error(`envctl ${args.join(" ")} printed ${more.length + 1} objects, not one`);
    return only as T;
  }

  /** The JSON objects a command prints, one a line (apply, destroy), checked against their schemas. */
  lines(args: readonly string[], code = 0, options: RunOptions = {}): readonly Record<string, unknown>[] {
    return checked(this.ok([...args, "--json"], code, options).stdout);
  }

  /** Starts the built command; the caller awaits or ends it. */
  start(args: readonly string[], options: RunOptions & { readonly stdio?: StdioOptions } = {}): ChildProcess {
    const [program, ...words] = commandLine(args, options);
    return spawn(program, words, {
      ...this.options(options),
      stdio: options.stdio ?? "pipe",
    });
  }

  /** The id of an applied environment. */
  id(name: string): string {
    const found = readdirSync(join(this.state, "envs")).find((id) =>
      new RegExp(`^${name}-[0-9a-f]{8}$`).test(id),
    );
    if (found === undefined) throw new Error(`${name} is not applied`);
    return found;
  }

  /** A path of an applied environment's directory. */
  place(name: string, ...rest: readonly string[]): string {
    return join(this.state, "envs", this.id(name), ...rest);
  }

  /**
   * Everything mounted below the state directory, without the binds of environments' directories onto themselves that only machines
   * with shared mounts have (systemd's): the guard sees that none is left.
   */
  mounts(): readonly MountLine[] {
    const envs = join(this.state, "envs");
    return mountsBelow(this.state).filter(({ point }) => dirname(point) !== envs);
  }

  lineage(): string {
    return readFileSync(join(this.state, "lineage"), "utf8").trim();
  }

  /** Group directories of this state directory, in every hierarchy. */
  cgroups(): readonly string[] {
    const roots = readMounts().filter((m) => m.type.startsWith("cgroup"));
    const parents = roots
      .map((m) => join(m.point, `envctl-${this.lineage()}`))
      .filter((dir) => existsSync(dir));
    return parents.flatMap((dir) => [
      dir,
      ...readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
        e.isDirectory() ? [join(dir, e.name)] : [],
      ),
    ]);
  }
}

/** A project in a temporary directory with a busybox rootfs; whatever is still applied at the end of the test is destroyed. */
export function project(t: Cleanup): Project {
  const made: Project[] = [];
  // Hooks run in the order they were added: this one before the directory's own.
  t.after(async () => {
    for (const one of made) await one.end();
  });
  const dir = tempDir(t);
  busyboxRootfs(join(dir, "rootfs"));
  made.push(new Project(dir));
  return made[0]!;
}
