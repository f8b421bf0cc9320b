// What must not leak or come in: modes, planted caches, secrets (rows F25 to F27).
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { running } from "#test/running";
import { trace } from "#test/strace";
import { tree } from "#test/tree";

guard();

const machine = needs("root", "overlay");

const modeOf = (path: string): string => {
  const { mode, uid, gid } = statSync(path);
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
};

for (const [what, mode, uid] of [
  ["root's, 0755", 0o755, 0],
  ["a user's, 0750", 0o750, 1000],
  ["sticky and writable by all", 0o1777, 0],
] as const) {
  test(`F25 merged has the mode and owner of the rootfs's root: ${what}`, machine, (t) => {
    const p = project(t);
    const rootfs = join(p.dir, "rootfs");
    chownSync(rootfs, uid, uid);
    chmodSync(rootfs, mode);
    p.env("web", "entry: { user: ana }\n");
    // Whatever the caller's umask.
    const strict = { before: ["sh", "-c", 'umask 077; exec "$@"', "sh"] };
    p.ok(["apply", "web", "-y"], 0, strict);
    assert.equal(modeOf(p.place("web", "merged")), modeOf(rootfs));
    for (const run of [
      ["run", "web"],
      ["run", "--rm", "web"],
    ]) {
      const { stdout } = p.ok(
        [
          ...run,
          "--",
          "sh",
          "-c",
          "id -u; ls /; cat /etc/hostname /etc/hosts /etc/resolv.conf > /dev/null && echo read",
        ],
        0,
        strict,
      );
      const [id, ...names] = stdout.trim().split("\n");
      assert.equal(id, "1000");
      assert.ok(names.includes("bin") && names.includes("etc") && names.at(-1) === "read", stdout);
    }
    assert.equal(modeOf(join(p.state, "envs")), "700 0:0", "nobody but root gets there from outside");
  });
}

test(
  "F26 a compile cache planted by another user is not used, whatever names the place for temporary files",
  needs("root", "overlay", "program:strace"),
  (t) => {
    const p = project(t);
    p.env("web");
    const tmp = join(p.dir, "tmp");
    const planted = join(tmp, "node-compile-cache");
    mkdirSync(planted, { recursive: true });
    chmodSync(tmp, 0o1777);
    chownSync(planted, 1000, 1000);
    const env = { TMPDIR: tmp };
    const before = tree(tmp, { times: true });
    for (const args of [
      ["plan"],
      ["apply", "web", "-y"],
      ["run", "--rm", "web", "--", "true"],
      ["drift"],
      ["destroy", "web", "-y"],
    ]) {
      const { result, calls } = trace(p, args, { env });
      assert.equal(result.code, 0, result.stderr);
      assert.ok(calls.length > 500);
      const touched = calls.filter(
        ({ args: of }) => (of.includes("compile-cache") && !of.includes(p.state)) || of.includes(tmp),
      );
      assert.deepEqual(
        touched.map(({ line }) => line),
        [],
      );
    }
    assert.deepEqual(tree(tmp, { times: true }), before);
  },
);

/** Values that must be nowhere: neither plain nor as JSON or base64 would write them. */
const PASSED = "pa55ed-by-bare-name";
const GIVEN = "g1ven-by-variable";
const SECRETS = [
  PASSED,
  GIVEN,
  Buffer.from(PASSED).toString("base64"),
  Buffer.from(GIVEN).toString("base64"),
];

function nowhere(what: string, text: string): void {
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `${what} holds ${secret}:\n${text}`);
}

/** Every file of STATE that is not a layer's. */
function stored(p: Project): string {
  const files = (dir: string): string[] =>
    readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
      const path = join(dir, e.name);
      return e.isDirectory()
        ? path.endsWith("/merged")
          ? []
          : files(path)
        : e.isFile()
          ? [`${path}: ${readFileSync(path, "latin1")}`]
          : [];
    });
  return files(p.state).join("\n");
}

test("F27 secrets appear in no plan, JSON, record, saved plan, lock file or error", machine, async (t) => {
  const p = project(t);
  p.env(
    "web",
    'entry:\n  command: [sh, -c, "echo $TOKEN $PASSWORD $URL; echo up; sleep 1000"]\n  env: ["TOKEN", "PASSWORD=${SECRET}", "URL=https://u:${SECRET}@host/"]\n',
  );
  const vars = ["--var", `SECRET=${GIVEN}`];
  const options = { env: { TOKEN: PASSED } };
  const said = (verb: string, ...rest: readonly string[]): void => {
    for (const more of [["--json"], ["-v"]]) {
      const { stdout, stderr } = p.run([verb, ...more, ...vars, ...rest], options);
      nowhere(`envctl ${verb} ${more.join(" ")} ${rest.join(" ")}`, stdout + stderr);
    }
  };
  said("validate");
  said("plan", "web");
  said("plan", "web", "--out", join(p.dir, "saved.plan"));
  nowhere("the saved plan", p.read("saved.plan"));
  said("apply", "web", "-y");
  said("apply", "web", "-y");
  p.env("web", `lowers: [../layer]\n${p.read("envs/web.yaml").split("\n").slice(3).join("\n")}`);
  p.write("layer/l", "");
  said("plan", "web");
  said("apply", "web", "-y");
  for (const verb of ["drift", "ls", "show"]) said(verb, ...(verb === "show" ? ["web"] : []));
  nowhere("STATE", stored(p));

  const { child } = await running(p, ["run", "web", ...vars], options);
  assert.ok(child.pid !== undefined);
  nowhere("STATE while it runs", stored(p));
  const { child: other } = await running(p, ["run", "--rm", "web", ...vars], options);
  assert.ok(other.pid !== undefined);
  nowhere("STATE while a throwaway runs", stored(p));

  // Mistakes of all kinds.
  said("run", "web", "--", "true");
  for (const body of [
    "entry: { command: [nothing-there], env: [TOKEN, 'X=${SECRET}'] }",
    "entry: { user: nobody-there, env: ['X=${SECRET}', TOKEN] }",
    "entry: { workdir: relative, env: ['X=${SECRET}', TOKEN, 'X=twice-${SECRET}'] }",
    "entry: { env: { 'BAD NAME': '${SECRET}' , 'a=b': '${SECRET}' } }",
  ]) {
    p.env("bad", `${body}\n`);
    said("validate", "envs/bad.yaml");
    said("run", "--rm", "bad");
  }
  nowhere("STATE after mistakes", stored(p));
});

test("F27 the entry gets them, and a changed secret is noticed by its salted hash alone", machine, (t) => {
  const p = project(t);
  p.env(
    "web",
    'entry: { command: [sh, -c, "echo $TOKEN $PASSWORD"], env: ["TOKEN", "PASSWORD=${SECRET}"] }\n',
  );
  const run = (secret: string, token: string): string =>
    p.ok(["run", "web", "--var", `SECRET=${secret}`], 0, { env: { TOKEN: token } }).stdout;
  assert.equal(run(GIVEN, PASSED), `${PASSED} ${GIVEN}\n`);
  const record = (): Record<string, unknown> =>
    JSON.parse(readFileSync(p.place("web", "env.json"), "utf8")) as Record<string, unknown>;
  const [{ name, hash } = { name: "", hash: "" }] = record()["variables"] as { name: string; hash: string }[];
  assert.equal(name, "SECRET");
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(run("another", "token"), "token another\n");
  assert.equal(run(GIVEN, PASSED), `${PASSED} ${GIVEN}\n`);
  assert.match(p.ok(["show", "web"]).stdout, /PASSWORD +\(set\)/);
});
