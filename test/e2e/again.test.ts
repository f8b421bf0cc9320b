// For any two declarations A and B of one environment: A, then B, then A comes to what A alone comes to.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import * as fc from "fast-check";
import { guard } from "#test/guard";
import { met, needs } from "#test/needs";
import { mountLines } from "#test/portrait";
import { type Project, project } from "#test/project";
import { SLOWNESS, slow } from "#test/slow";

guard();

const DIRS = ["one", "two", "three"];
const TARGETS = ["/v", "/v/one", "/mnt/deep", "/tmp"];

const volume = fc.record({
  source: fc.constantFrom(...DIRS.map((d) => `../data/${d}`)),
  access: fc.constantFrom("ro", "rw"),
  recursive: fc.boolean(),
  options: fc.subarray(["noexec"]),
});

const tmpfs = fc.record({ size: fc.constantFrom("1MiB", "2MiB"), mode: fc.constantFrom(1777, 700) });

/** What is mounted at each target, if anything. */
const inner = fc.tuple(
  ...TARGETS.map((target) =>
    fc.option(
      fc.oneof(
        volume.map((v) => ({ key: "volumes" as const, value: { ...v, target } })),
        tmpfs.map((v) => ({ key: "tmpfs" as const, value: { ...v, target } })),
      ),
      { nil: undefined },
    ),
  ),
);

const limit = (controller: string, values: readonly unknown[]): fc.Arbitrary<unknown> =>
  met(`cgroup:${controller}`)
    ? fc.option(fc.constantFrom(...values), { nil: undefined })
    : fc.constant(undefined);

const declaration = fc.record({
  lowers: fc.shuffledSubarray(DIRS.map((d) => `../layers/${d}`)),
  upper: fc.constantFrom("disk", "none", { tmpfs: "1MiB" }, { tmpfs: "2MiB" }),
  options: fc.record(
    { xino: fc.constantFrom("on", "off", "auto"), metacopy: fc.constantFrom("on", "off") },
    { requiredKeys: [] },
  ),
  inner,
  limits: fc.record({
    memory: limit("memory", ["32MiB", "64MiB"]),
    pids: limit("pids", [10, 20]),
    cpus: limit("cpu", [0.5, 1]),
    cpuset: limit("cpuset", [0]),
  }),
});

type Declaration = typeof declaration extends fc.Arbitrary<infer T> ? T : never;

/** JSON is YAML. */
function body({ lowers, upper, options, inner: mounts, limits }: Declaration): string {
  const of = (key: "volumes" | "tmpfs"): unknown[] =>
    mounts.flatMap((m) => (m?.key === key ? [m.value] : []));
  const all = { lowers, overlay: { upper, options }, volumes: of("volumes"), tmpfs: of("tmpfs"), limits };
  return `${Object.entries(all)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join("\n")}\n`;
}

const FILES = [
  "memory.limit_in_bytes",
  "memory.max",
  "pids.max",
  "cpuset.cpus",
  "cpu.cfs_quota_us",
  "cpu.max",
];

/** The mounts in the state directory, and each group's limits; a controller that v2 once handed down stays, without a limit. */
function shape(p: Project): unknown {
  const groups = p
    .cgroups()
    .flatMap((dir) =>
      FILES.filter((file) => existsSync(join(dir, file))).map(
        (file) => `${dir} ${file} ${readFileSync(join(dir, file), "utf8").trim()}`,
      ),
    )
    .filter((line) => !/ (max( \d+)?|cpuset\.cpus )$/.test(line));
  return { mounts: mountLines(p), groups };
}

test("applying A, then B, then A is applying A", needs("root", "overlay"), (t) => {
  const p = project(t);
  for (const dir of DIRS) {
    mkdirSync(join(p.dir, "data", dir, "one"), { recursive: true });
    p.write(`layers/${dir}/from`, dir);
  }
  const apply = (d: Declaration): unknown => {
    p.env("web", body(d));
    p.ok(["apply", "-y"]);
    p.ok(["plan", "--detailed-exitcode"]);
    return shape(p);
  };
  let runs = 0;
  fc.assert(
    fc.property(declaration, declaration, (a, b) => {
      const alone = apply(a);
      apply(b);
      assert.deepEqual(apply(a), alone);
      p.ok(["drift"]);
      p.ok(["destroy", "-y", "web"]);
      assert.deepEqual(p.mounts(), []);
      runs++;
    }),
    { numRuns: SLOWNESS > 1 ? 4 : 12, interruptAfterTimeLimit: slow(12_000), endOnFailure: true },
  );
  assert.ok(runs > 0);
});
