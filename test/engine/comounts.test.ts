// Controllers that are mounted together: what one of them asks of a group holds for all who use the hierarchy.
import assert from "node:assert/strict";
import test from "node:test";
import { runGroups } from "#engine/run-groups";
import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { FakeHost } from "./fixture.ts";

const BOTH = "/sys/fs/cgroup/cpu,cpuset";

function comounted(): FakeHost {
  const f = new FakeHost();
  f.kernel.hierarchy(BOTH, ["cpu", "cpuset"]);
  return f;
}

function cpuset(f: FakeHost, dir: string): readonly string[] {
  return ["cpuset.cpus", "cpuset.mems"].map((file) =>
    f.kernel.reader.text(`${dir}/${file}` as AbsPath).trim(),
  );
}

test("E1 E6 a group made for CPU time alone has CPUs and nodes where cpuset is mounted with it", async () => {
  const f = comounted();
  f.write("limits: { cpus: 0.5 }");
  assert.equal(await f.apply(), "done");
  const top = f.kernel.reader.list(BOTH as AbsPath).find((name) => name.startsWith("envctl-"))!;
  const [id] = f.kernel.reader.list(`${BOTH}/${top}` as AbsPath).filter((name) => name.startsWith("web-"));
  for (const dir of [`${BOTH}/${top}`, `${BOTH}/${top}/${id}`])
    assert.deepEqual(cpuset(f, dir), ["0-1", "0"]);
  f.write("limits: { cpuset: 0 }");
  assert.equal(await f.apply(), "done");
  assert.deepEqual(cpuset(f, `${BOTH}/${top}/${id}`), ["0", "0"]);
  assert.equal(await f.destroy(), "done");
});

test("E1 E6 so has the group of a run, with those of its environment", () => {
  const f = new FakeHost();
  f.kernel.hierarchy("/sys/fs/cgroup/all", ["memory", "cpuset"]);
  const dir = "/sys/fs/cgroup/all/web" as AbsPath;
  f.kernel.cgroups.create(dir);
  f.kernel.cgroups.write(dir, "cpuset.cpus", "1");
  f.kernel.cgroups.write(dir, "cpuset.mems", "0");
  const { cgroups } = runGroups(f.host, {
    state: { path: "/var/lib/envctl" as AbsPath, lineage: "0123abcd" as Lineage },
    id: "web-0123abcd" as EnvId,
    groups: [{ dir, version: 1, controllers: ["memory"] }],
  });
  assert.equal(cgroups[0]?.dir, `${dir}/1`);
  assert.deepEqual(cpuset(f, `${dir}/1`), ["1", "0"]);
});
