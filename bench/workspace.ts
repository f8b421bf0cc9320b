// Where the measurements take place: a repository with a busybox root filesystem, one environment that is applied and one that is not.
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootfs, CLI } from "../test/support/project.ts";

/** The cgroup below which other tools put theirs, in each hierarchy. */
export const GROUP = "envctl-bench";

/** Somebody without a name, and without subordinate ids. */
const USER = 54321;

const BODY = `version: 1
rootfs: { dir: ../rootfs }
volumes: [ "../data:/work:rw" ]
limits: { memory: 256MiB, cpuset: "0" }
entry: { command: [/bin/true] }
`;

export class Workspace {
  readonly dir: string = mkdtempSync(join(tmpdir(), "envctl-bench-"));
  readonly rootfs: string = busyboxRootfs(join(this.dir, "rootfs"));
  readonly data: string = join(this.dir, "data");
  readonly env: NodeJS.ProcessEnv = {
    ...process.env,
    ENVCTL_STATE_DIR: join(this.dir, "state"),
    NO_COLOR: "1",
  };

  constructor() {
    for (const dir of ["data", "envs", "many"]) mkdirSync(join(this.dir, dir));
    mkdirSync(join(this.rootfs, "work"));
    this.write("empty.js", "");
    for (const name of ["applied", "fresh"]) this.write(`envs/${name}.yaml`, `${BODY}name: ${name}\n`);
  }

  write(name: string, text: string): string {
    const file = join(this.dir, name);
    writeFileSync(file, text);
    return file;
  }

  /** The built command, as a user's shell would start it. */
  command(...args: string[]): [string, ...string[]] {
    return [process.execPath, CLI, ...args];
  }

  /** The same started by somebody who is not root (1 ms of it is setpriv), with a state directory of its own. */
  asUser(...args: string[]): { argv: [string, ...string[]]; env: NodeJS.ProcessEnv } {
    const state = join(this.dir, "user");
    mkdirSync(state);
    chownSync(state, USER, USER);
    chmodSync(this.dir, 0o755);
    const ids = ["--reuid", `${USER}`, "--regid", `${USER}`, "--clear-groups"];
    return {
      argv: ["setpriv", ...ids, ...this.command(...args)],
      env: { ...this.env, ENVCTL_STATE_DIR: join(state, "state") },
    };
  }

  /** Runs the built command. @throws Error with what it printed */
  envctl(...args: string[]): void {
    const [file, ...rest] = this.command(...args);
    const done = spawnSync(file, rest, { cwd: this.dir, env: this.env, encoding: "utf8" });
    if (done.status !== 0)
      throw new Error(`envctl ${args.join(" ")} ended with ${done.status}:\n${done.stdout}${done.stderr}`);
  }

  /** Takes away what was applied and what other tools left of theirs. */
  close(): void {
    this.envctl("destroy", "--all", "-y");
    for (const hierarchy of readdirSync("/sys/fs/cgroup"))
      removeGroup(join("/sys/fs/cgroup", hierarchy, GROUP));
    removeGroup(join("/sys/fs/cgroup", GROUP));
    rmSync(this.dir, { recursive: true });
  }
}

function removeGroup(dir: string): void {
  try {
    for (const entry of readdirSync(dir, { withFileTypes: true }))
      if (entry.isDirectory()) removeGroup(join(dir, entry.name));
    rmdirSync(dir);
  } catch {
    // Not there, or still in use by a tool that ended a moment ago: an empty group costs nothing.
  }
}
