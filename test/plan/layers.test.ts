import assert from "node:assert/strict";
import { test } from "node:test";
import type { AbsPath } from "#model/brand";
import type { Observed } from "#model/observed";
import type { LayerResource, RootfsResource, StoredLayer } from "#model/resource";
import { storedLayers } from "#model/resource";
import { decideLayer, rebased } from "#plan/layers";
import { layer, overlay } from "./fixture.ts";

const stamp = { dev: "8:1", ino: "1", size: 1, mtime: "1", ctime: "1" };
const stored = (source: string, digest: string): StoredLayer => ({
  source,
  path: `/state/layers/sha256/${digest}` as AbsPath,
  inode: { dev: "0:0", ino: "0" },
  digest,
  recipe: { kind: "archive", archive: `/repo/${source}` as AbsPath, compression: "none", stamp },
});
const rootfs = (of: StoredLayer): RootfsResource => ({ kind: "rootfs", address: "web.rootfs", layer: of });
const nth = (index: number, of: StoredLayer): LayerResource => ({
  kind: "layer",
  address: `web.layer[${index}]`,
  index,
  layer: of,
});
const seen = (...absent: readonly StoredLayer[]): Observed =>
  ({ absentLayers: absent.map(({ path }) => path) }) as Partial<Observed> as Observed;

const [OLD, NEW, OTHER] = [stored("a.tar", "aa"), stored("a.tar", "bb"), stored("b.tar", "cc")];
const op = (...args: Parameters<typeof decideLayer>): string => {
  const action = decideLayer(...args);
  return "because" in action ? `${action.op} ${action.because}` : action.op;
};

test("a stored layer is made where it is not there, kept where it is", () => {
  assert.equal(op(rootfs(OLD), [], seen(OLD)), "create not_applied");
  assert.equal(op(rootfs(OLD), [], seen()), "keep");
  assert.equal(op(rootfs(OLD), [rootfs(OLD)], seen()), "keep");
  assert.equal(op(rootfs(OLD), [rootfs(OLD)], seen(OLD)), "create missing");
});

test("what the same source became is a replace, there already or not", () => {
  for (const observed of [seen(), seen(NEW)]) {
    assert.equal(op(rootfs(NEW), [rootfs(OLD)], observed), "replace rootfs_changed");
    assert.equal(op(nth(0, NEW), [nth(0, OLD)], observed), "replace lowers_changed");
  }
  const { changes } = decideLayer(rootfs(NEW), [rootfs(OLD)], seen()) as { changes: unknown };
  assert.deepEqual(changes, [{ path: "sha256", before: "aa", after: "bb", forces_replace: true }]);
});

test("a layer that moved in the list is the one it was; another source is another layer", () => {
  assert.equal(op(nth(1, OLD), [nth(0, OLD)], seen()), "keep");
  assert.equal(op(nth(0, OTHER), [nth(0, OLD)], seen(OTHER)), "create not_applied");
});

test("an overlay over a layer that is made anew is replaced", () => {
  const keep = { address: "web.overlay", kind: "overlay", op: "keep", after: overlay() } as const;
  const made = (observed: Observed, before: readonly RootfsResource[]) =>
    rebased(keep, [...before, overlay()], [decideLayer(rootfs(OLD), before, observed)]).op;
  assert.equal(made(seen(OLD), [rootfs(OLD)]), "replace");
  assert.equal(made(seen(), [rootfs(OLD)]), "keep");
});

test("of the same archive twice there is one layer to make", () => {
  const plain: LayerResource = { kind: "layer", address: "web.layer[2]", index: 2, layer: layer("tools") };
  assert.deepEqual(storedLayers([rootfs(OLD), nth(0, OLD), nth(1, OTHER), plain]), [OLD, OTHER]);
});
