import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import type { Resource } from "#model/resource";
import { crossings, neighbourhood, type Neighbour } from "#plan/crossing";
import { layer, volume } from "./fixture.ts";

const env = (name: string, ...resources: readonly Resource[]): Neighbour => ({ id: name, name, resources });
const at = (path: string, target = "/data") => volume(target, { path: path as AbsPath });

/** What is said of `own` among others, with whom. */
function met(own: Neighbour, ...others: readonly Neighbour[]): readonly string[] {
  const volumes = own.resources.flatMap((r) => (r.kind === "volume" ? [{ target: r.target }] : []));
  return crossings({ volumes: volumes as never }, own, neighbourhood([own, ...others])).map(
    ({ path, summary }) => `${path.join(".")}: ${summary}`,
  );
}

test("F17 a volume within another environment's, or around it; the very same source is shared on purpose", () => {
  const web = env("web", at("/srv/a", "/logs"), at("/srv/shared"));
  assert.deepEqual(met(web), []);
  assert.deepEqual(met(web, env("db", at("/srv/shared")), env("x", at("/srv/ab"))), []);
  assert.deepEqual(met(web, env("db", at("/srv/shared/deep"))), [
    `volumes.1.source: volume["/data"] holds what db writes`,
  ]);
  assert.deepEqual(met(web, env("db", at("/srv/shared")), env("all", at("/srv"), at("/", "/host"))), [
    `volumes.0.source: volume["/logs"] lies in what all writes`,
    `volumes.1.source: volume["/data"] lies in what all writes`,
  ]);
});

test("F17 who only reads is in nobody's way, and nobody is in its", () => {
  const reading = (path: string) => ({ ...at(path), access: "ro" as const });
  assert.deepEqual(met(env("web", reading("/srv/a")), env("db", at("/srv"))), []);
  assert.deepEqual(met(env("web", at("/srv/a")), env("db", reading("/srv"))), []);
});

test("F17 a layer of another environment that can be written through a volume", () => {
  const tools: Resource = { kind: "rootfs", address: "db.rootfs", layer: layer("tools") };
  assert.deepEqual(met(env("web", at("/repo")), env("db", tools)), [
    `volumes.0.source: through volume["/data"] a layer of db can be written`,
  ]);
  assert.deepEqual(met(env("web", at("/repo/tools/bin")), env("db", tools)), []);
});
