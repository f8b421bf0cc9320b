// A repository of an ordinary user's, who has neither root nor anything else: rows as root's, in a user namespace.
import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cleanup, tempDir } from "./fixtures.ts";
import { busyboxRootfs, Project, type Result, type RunOptions } from "./project.ts";

/** Nobody's on any machine of ours; files of these ids are the test's. */
export const USER = { uid: 54321, gid: 54322, first: 3_000_000, count: 65536 } as const;

/** `range`: subordinate ids, in files that this user's processes alone see in place of the host's. */
export type Ids = "single" | "range";

const ACCOUNT = {
  passwd: `root:x:0:0::/:/bin/sh\nenvctl-test:x:${USER.uid}:${USER.gid}::/nonexistent:/bin/sh\n`,
  group: `root:x:0:\nenvctl-test:x:${USER.gid}:\n`,
};

/** Whatever reaches a namespace that others are joined with stays there when they end. What other tests mounted goes meanwhile. */
const AS_SHARED = `ours() { grep -F "\${0%/account}" /proc/self/mountinfo; }
mount --make-rshared /; before=$(ours); code=0; "$@" || code=$?
[ "$before" = "$(ours)" ] && exit $code; exit 99`;

class UserProject extends Project {
  /** Lines that root's shell carries out first, where nobody else sees its mounts; `$0` is a directory of the test's. */
  readonly asRoot: string[] = [];
  /** What it does then with the words of the user's command. */
  last: string;
  readonly #files: string;
  constructor(dir: string, ids: Ids, last: string) {
    super(dir);
    this.last = last;
    this.#files = join(dir, "account");
    mkdirSync(this.#files);
    const lent = ids === "range" ? `${USER.uid}:${USER.first}:${USER.count}\n` : "";
    for (const [name, text] of Object.entries({ ...ACCOUNT, subuid: lent, subgid: lent }))
      writeFileSync(join(this.#files, name), text);
    // Not each on its own: a machine without subordinate ids has no files for them to be mounted on.
    this.asRoot.push('mount -t overlay -o "lowerdir=$0:/etc" none /etc');
  }

  #options(options: RunOptions): RunOptions {
    const script = ["set -e", ...this.asRoot, this.last].join("\n");
    const become = `setpriv --reuid ${USER.uid} --regid ${USER.gid} --clear-groups`.split(" ");
    const before = ["unshare", "--mount", "sh", "-c", script, this.#files, ...become];
    return { ...options, before: [...before, ...(options.before ?? [])] };
  }

  /** Everything written so far is the user's. */
  give(): void {
    spawnSync("chown", ["-R", `${USER.uid}:${USER.gid}`, this.dir]);
  }

  override run(args: readonly string[], options: RunOptions = {}): Result {
    return super.run(args, this.#options(options));
  }

  override start(...[args, options = {}]: Parameters<Project["start"]>): ReturnType<Project["start"]> {
    return super.start(args, { ...options, ...this.#options(options) });
  }

  /** What throwaway instances left. */
  instances(): readonly string[] {
    return readdirSync(join(this.state, "envs"));
  }

  protected override clear(): void {
    const left = this.instances();
    if (left.length > 0) throw new Error(`left behind: ${left.join(" ")}`);
  }
}

/** Like project(), an ordinary user's; where mounts are shared, should one reach the namespace it is started in its exit code is 99. */
export function userProject(
  t: Cleanup,
  ids: Ids = "single",
  mounts: "private" | "shared" = "private",
): UserProject {
  const made: Project[] = [];
  t.after(async () => {
    for (const one of made) await one.end();
  });
  const dir = tempDir(t);
  chownSync(dir, USER.uid, USER.gid);
  busyboxRootfs(join(dir, "rootfs"));
  const p = new UserProject(dir, ids, mounts === "shared" ? AS_SHARED : 'exec "$@"');
  made.push(p);
  return p;
}
