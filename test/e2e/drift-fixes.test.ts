// The fix that drift prints for a finding is a command: typed as it stands, where drift was typed, it mends it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { mount, umount } from "#test/by-hand";
import { groupOf, groupsOf } from "#test/cgroup";
import { guard } from "#test/guard";
import { needs, type Need } from "#test/needs";
import { occupant, runs, until } from "#test/occupant";
import { CLI, type Project, project } from "#test/project";

guard();

type Finding = { kind: string; address: string; detail: string; fix: string };
type Case = {
  readonly what: string;
  readonly kinds: readonly string[];
  readonly deed: (p: Project) => unknown;
  /** Where drift and its fixes are typed. */
  readonly cwd?: (p: Project) => string;
  readonly also?: readonly Need[];
};

const BODY = `volumes: ["../src:/work:ro", "../cache:/var/cache/app", "../settings:/etc/settings:ro", "../src:/it's here:ro"]
tmpfs: [{ target: /scratch, size: 1MiB }]
`;

const merged = (p: Project, ...rest: readonly string[]): string => p.place("web", "merged", ...rest);
const tmpfs = (...at: readonly string[]): void => mount("-t", "tmpfs", "none", join(...(at as [string])));

/** A second environment of this name, in another directory. */
function namesake(p: Project): void {
  p.write("other/envs/web.yaml", "version: 1\nname: web\nrootfs: ../../rootfs\n");
  p.ok(["apply", "envs/web.yaml", "-y"], 0, { cwd: join(p.dir, "other") });
}

const CASES: readonly Case[] = [
  {
    what: "a volume and a tmpfs unmounted",
    kinds: ["missing", "missing"],
    deed: (p) => umount(merged(p, "work"), merged(p, "scratch")),
  },
  {
    what: "everything unmounted",
    kinds: Array(6).fill("missing"),
    deed: (p) => umount("-R", merged(p)),
  },
  {
    what: "a volume made writable",
    kinds: ["changed"],
    deed: (p) => mount("-o", "remount,bind,rw", merged(p, "work")),
  },
  {
    what: "a volume made read-only",
    kinds: ["changed"],
    deed: (p) => mount("-o", "remount,bind,ro", merged(p, "var/cache/app")),
  },
  {
    what: "a tmpfs made read-only",
    kinds: ["changed"],
    deed: (p) => mount("-o", "remount,ro", merged(p, "scratch")),
  },
  {
    what: "a tmpfs of another size",
    kinds: ["changed"],
    deed: (p) => mount("-o", "remount,size=4m", merged(p, "scratch")),
  },
  {
    what: "an overlay made read-only",
    kinds: ["changed"],
    deed: (p) => mount("-o", "remount,ro", merged(p)),
  },
  {
    what: "an overlay whose mount is read-only",
    kinds: ["changed"],
    deed: (p) => mount("-o", "remount,bind,ro", merged(p)),
  },
  {
    what: "all of it bound over itself",
    kinds: Array(6).fill("stacked"),
    deed: (p) => mount("--rbind", merged(p), merged(p)),
  },
  {
    what: "a volume bound once more",
    kinds: ["stacked"],
    deed: (p) => mount("--bind", join(p.dir, "src"), merged(p, "it's here")),
  },
  {
    what: "something mounted over a volume, and over that",
    kinds: ["foreign", "foreign"],
    deed: (p) => {
      tmpfs(merged(p, "it's here"));
      tmpfs(merged(p, "it's here"));
    },
  },
  {
    what: "mounts in mounts, with names that shells take apart",
    kinds: ["foreign", "foreign"],
    deed: (p) => {
      const at = merged(p, "a $(touch pwned); \n'b\"");
      mkdirSync(at);
      tmpfs(at);
      mkdirSync(join(at, "c d"));
      tmpfs(at, "c d");
    },
  },
  {
    what: "the overlay bound elsewhere",
    kinds: ["leftover"],
    deed: (p) => {
      mkdirSync(join(p.dir, "else where"));
      mount("--bind", merged(p), join(p.dir, "else where"));
      p.after(() => rmdirSync(join(p.dir, "else where")));
    },
  },
  {
    what: "a limit changed",
    kinds: ["changed"],
    deed: (p) => writeFileSync(join(groupOf(p, "web", "pids"), "pids.max"), "7"),
    also: ["cgroup:pids"],
  },
  {
    what: "its groups removed",
    kinds: ["missing"],
    deed: (p) =>
      groupsOf(p)
        .filter((dir) => dir.endsWith(p.id("web")))
        .forEach((dir) => rmdirSync(dir)),
    also: ["cgroup:pids"],
  },
  {
    what: "a source replaced",
    kinds: ["stale_source", "stale_source"],
    deed: (p) => {
      renameSync(join(p.dir, "src"), join(p.dir, "src.old"));
      p.write("src/file", "new");
    },
  },
  {
    what: "a source removed that apply makes again",
    kinds: ["stale_source"],
    deed: (p) => rmSync(join(p.dir, "cache"), { recursive: true }),
  },
  {
    what: "a file replaced, as editors do",
    kinds: ["stale_source"],
    deed: (p) => renameSync(p.write("new", "new"), join(p.dir, "settings")),
  },
  { what: "its file gone", kinds: ["orphan"], deed: (p) => rmSync(join(p.dir, "envs/web.yaml")) },
  {
    what: "a directory without a record",
    kinds: ["leftover"],
    deed: (p) => mkdirSync(join(p.state, "envs/lint-0a1b2c3d/rw/upper"), { recursive: true }),
  },
  {
    what: "a record that is no record",
    kinds: ["leftover"],
    deed: (p) => writeFileSync(p.place("web", "env.json"), "no\nrecord"),
  },
  {
    what: "a record gone",
    kinds: [...Array(5).fill("foreign"), "leftover"],
    deed: (p) => rmSync(p.place("web", "env.json")),
  },
  {
    what: "a throwaway instance that was kept",
    kinds: ["leftover"],
    deed: (p) => p.ok(["run", "--rm", "--keep-on-failure", "web", "--", "false"], 1),
  },
  {
    what: "a detached run whose supervisor was killed",
    kinds: ["leftover"],
    deed: async (p) => {
      p.ok(["run", "-d", "web", "--", "sleep", "1000"]);
      const { supervisor } = JSON.parse(readFileSync(p.place("web", "runs/1/run.json"), "utf8")) as {
        supervisor: { pid: number };
      };
      process.kill(supervisor.pid, "SIGKILL");
      await until("it is lost", () => findings(p, p.dir).length > 0);
    },
  },
  {
    what: "a detached overlay that somebody sits in",
    kinds: [...Array(6).fill("missing"), "leftover"],
    deed: async (p) => {
      const { pid } = occupant(p, ["sleep", "1000"], { cwd: merged(p, "etc") });
      await until("the occupant sits inside", () => runs(pid, "sleep"));
      umount("-l", merged(p));
    },
  },
  {
    what: "two of a name, seen from the other's directory",
    kinds: ["missing"],
    deed: (p) => {
      umount(merged(p, "work"));
      namesake(p);
    },
    cwd: (p) => join(p.dir, "other"),
  },
  {
    what: "two of a name, seen from elsewhere",
    kinds: ["missing"],
    deed: (p) => {
      umount(merged(p, "work"));
      namesake(p);
    },
    cwd: () => "/",
  },
];

function findings(p: Project, cwd: string, ...more: readonly string[]): readonly Finding[] {
  const { code, stdout, stderr } = p.run(["drift", "--json", ...more], { cwd });
  assert.ok(code === 0 || code === 2, stdout + stderr);
  return (JSON.parse(stdout) as { findings: Finding[] }).findings;
}

/** As typed at a terminal by somebody who agrees to what is asked. */
function typed(p: Project, line: string, cwd: string): string | undefined {
  const yes = 'case $1 in apply | destroy) set -- "$@" -y ;; esac';
  const envctl = p.write(
    "bin/envctl",
    `#!/bin/sh\n${yes}\nexec '${process.execPath}' '${CLI}' "$@"\n`,
    0o755,
  );
  const env = {
    ...process.env,
    PATH: `${join(envctl, "..")}:${process.env["PATH"]}`,
    ENVCTL_STATE_DIR: p.state,
  };
  const { status, stdout, stderr } = spawnSync("sh", ["-c", line], { cwd, env, encoding: "utf8" });
  return status === 0 ? undefined : `${line}\nended with ${status}\n${stdout}${stderr}`;
}

for (const { what, kinds, deed, cwd: where = (p: Project) => p.dir, also = [] } of CASES) {
  test(
    `every fix that drift prints mends what it was printed for: ${what}`,
    needs("root", "overlay", ...also),
    async (t) => {
      const p = project(t);
      for (const dir of ["src", "cache"]) p.write(`${dir}/file`, dir);
      p.write("settings", "old");
      p.env("web", BODY + (also.length > 0 ? "limits: { pids: 64 }\n" : ""));
      p.ok(["apply", "web", "-y"]);
      await deed(p);
      const cwd = where(p);
      const found = findings(p, cwd);
      assert.deepEqual(
        found.map(({ kind }) => kind),
        kinds,
        JSON.stringify(found, undefined, 2),
      );
      // What another fix has to make room for goes well the next time, and what was hidden until then is seen then.
      for (let round = 0; findings(p, cwd).length > 0; round++) {
        const fixes = findings(p, cwd).map(({ fix }) => fix);
        const once = fixes.filter((fix, i) => !fix.startsWith("envctl ") || fixes.indexOf(fix) === i);
        const failed = once.flatMap((fix) => typed(p, fix, cwd) ?? []);
        assert.ok(failed.length < 2 && round < 2, failed.join("\n"));
      }
    },
  );
}

test("a fix is for the state directory that was named", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.env("web", "tmpfs: [{ target: /scratch }]\n");
  p.ok(["apply", "web", "-y"]);
  umount(merged(p, "scratch"));
  const [missing] = findings(p, p.dir, "--state-dir", p.state);
  assert.equal(missing!.fix, `envctl apply web --state-dir ${p.state}`);
});
