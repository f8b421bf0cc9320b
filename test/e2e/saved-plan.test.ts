import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, readlinkSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { project, type Project } from "#test/project";

guard();

const BODY =
  "volumes: [../src:/work]\nlimits: { memory: 64MiB }\nentry: { env: { TOKEN: '${TOKEN:-none}' } }\n";

function saved(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  p.env("web", BODY);
  p.ok(["plan", "web", "--out", "web.plan"]);
  return p;
}

const stale = (p: Project, why: RegExp, env: Record<string, string> = {}): void => {
  const { stderr } = p.ok(["apply", "--plan", "web.plan"], 6, { env });
  assert.match(stderr.replace(/\s+/g, " "), why);
  assert.match(stderr, /nothing was changed/);
};

test("F9 a saved plan is applied once, without a question", (t) => {
  const p = saved(t);
  assert.equal(statSync(join(p.dir, "web.plan")).mode & 0o777, 0o600);
  p.ok(["apply", "--plan", "web.plan"]);
  assert.equal(p.mounts().length, 2);
  p.ok(["plan", "--detailed-exitcode"]);
  stale(p, /applied already/);
});

test("a plan takes the place of nothing but a regular file, and is saved where a symlink leads", (t) => {
  const p = saved(t);
  execFileSync("mkfifo", [join(p.dir, "fifo")]);
  symlinkSync("nothing", join(p.dir, "dangling"));
  const refused = { fifo: "a fifo", dangling: "a symlink to nothing", envs: "a directory" };
  for (const [name, what] of Object.entries(refused)) {
    assert.match(p.ok(["plan", "--out", name], 3).stderr, new RegExp(`${name} is ${what}`));
  }
  assert.ok(lstatSync(join(p.dir, "fifo")).isFIFO());
  p.write("dir/web.plan", "old");
  symlinkSync("dir", join(p.dir, "link"));
  symlinkSync("dir/web.plan", join(p.dir, "current"));
  p.ok(["plan", "--out", "current"]);
  assert.match(p.read("dir/web.plan"), /saved-plan/);
  assert.equal(readlinkSync(join(p.dir, "current")), "dir/web.plan");
  p.ok(["plan", "--out", "link/more.plan"]);
  assert.ok(p.exists("dir/more.plan"));
  p.ok(["apply", "--plan", "current"]);
  assert.match(p.ok(["apply", "--plan", "dir/web.plan"], 6).stderr, /applied already/);
  assert.match(p.ok(["plan", "--out", "no/web.plan"], 1).stderr, /cannot be saved as no\/web\.plan/);
});

test("F9 an edited file between plan and apply: refused", (t) => {
  const p = saved(t);
  p.env("web", BODY.replace("64MiB", "32MiB"));
  stale(p, /the file was edited/);
  assert.equal(p.mounts().length, 0);
});

test("F9 a variable with another value: refused, and no value is in the plan", (t) => {
  const p = project(t);
  p.env("web", BODY);
  p.ok(["plan", "web", "--out", "web.plan"], 0, { env: { TOKEN: "s3cret-value" } });
  assert.doesNotMatch(p.read("web.plan"), /s3cret/);
  stale(p, /a variable has another value/, { TOKEN: "other" });
});

test("F9 another state directory than it was made for: refused", (t) => {
  const p = saved(t);
  const { stderr } = p.ok(["apply", "--plan", "web.plan", "--state-dir", join(p.dir, "other")], 6);
  assert.match(stderr.replace(/\s+/g, " "), /web: it was made for another state directory/);
  p.ok(["apply", "--plan", "web.plan"]);
});

test("F9 applied or changed by hand meanwhile: refused", (t) => {
  const p = saved(t);
  p.ok(["apply", "web", "-y"]);
  stale(p, /applied or destroyed meanwhile/);
  p.env("web", BODY.replace("64MiB", "32MiB"));
  p.ok(["plan", "web", "--out", "web.plan"]);
  p.write("src/file", "");
  p.ok(["run", "web", "--", "true"], 0);
  stale(p, /applied or destroyed meanwhile|changed/);
});

test("F9 destroyed and applied anew meanwhile: refused, however equal", (t) => {
  const p = project(t);
  p.env("web");
  p.ok(["apply", "-y"]);
  const anew = /web: the environment was destroyed or applied anew meanwhile/;
  for (const [body, ...options] of [["tmpfs: [{ target: /tmp }]\n"], ["", "--destroy"]] as const) {
    p.env("web", body);
    p.ok(["plan", ...options, "--out", "web.plan"]);
    p.env("web");
    p.ok(["destroy", "-y"]);
    p.ok(["apply", "-y"]);
    p.env("web", body);
    stale(p, anew);
  }
});

test("F9 what is no plan, and a plan that is not there, is bad usage", (t) => {
  const p = saved(t);
  const of = (basis: string): string => `{"format":"envctl.saved-plan/1","salt":"x","basis":[${basis}]}`;
  for (const text of [
    "{}",
    "null",
    of(""),
    of("null"),
    of("{}"),
    of('{"id":"web-12345678","file":"web.yaml"}'),
  ]) {
    p.write("other.json", text);
    assert.match(p.ok(["apply", "--plan", "other.json"], 3).stderr, /not a plan of this envctl/, text);
  }
  assert.match(p.ok(["apply", "--plan", "gone"], 3).stderr, /no such plan: gone/);
  for (const [place, what] of [
    ["envs", "a directory"],
    ["/dev/zero", "a device"],
  ] as const)
    assert.match(p.ok(["apply", "--plan", place], 3).stderr, new RegExp(`${place} is ${what}`));
  assert.match(p.ok(["apply", "web", "--plan", "web.plan"], 3).stderr, /names its environments itself/);
});

test("a destruction is saved, too: applied once, its file gone or not, and refused once it would take more", (t) => {
  const p = project(t);
  p.env("web", BODY);
  const save = (): unknown => p.ok(["plan", "--destroy", "web", "--out", "web.plan"]);
  p.ok(["apply", "-y"]);
  save();
  p.ok(["run", "web", "--", "sh", "-c", "echo x >/one"]);
  stale(p, /mounts, cgroups or sources on this host changed .*envctl plan --destroy --out FILE/);
  save();
  p.ok(["run", "web", "--", "sh", "-c", "echo x >/two"]);
  stale(p, /web: what was written inside, or what runs there, is not the same/);
  save();
  p.ok(["run", "-d", "web", "--", "sleep", "60"]);
  stale(p, /web: what was written inside, or what runs there, is not the same/);
  p.ok(["rm", "-f", "web"]);
  save();
  rmSync(join(p.dir, "envs/web.yaml"));
  p.ok(["apply", "--plan", "web.plan"]);
  assert.equal(p.mounts().length, 0);
  stale(p, /applied already/);
});

test("a saved destruction of what is not there, or not there any more, destroys nothing", (t) => {
  const p = project(t);
  p.env("web");
  p.ok(["plan", "--destroy", "--out", "web.plan"]);
  p.ok(["apply", "-y"]);
  assert.match(p.ok(["apply", "--plan", "web.plan"]).stderr, /^Nothing to destroy\.\n$/);
  assert.equal(p.mounts().length, 1);
  p.ok(["plan", "--destroy", "--out", "web.plan"]);
  p.ok(["destroy", "-y"]);
  stale(p, /web-[0-9a-f]{8}: it is not on this host any more/);
});
