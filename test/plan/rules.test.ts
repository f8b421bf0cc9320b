// What no layer may be, by the mount table (row C11).
import assert from "node:assert/strict";
import test from "node:test";
import { join } from "#model/brand";
import type { MountEntry } from "#model/observed";
import { layerIssues } from "#plan/rules";
import { layer, overlay, overlayEntry, PLACE } from "./fixture.ts";

const over = overlay([], { lowers: [{ ...layer("theirs"), path: join(PLACE.upper, "etc") }] });
const summaries = (mount: MountEntry): readonly string[] =>
  layerIssues(over, { overlays: [mount], covering: () => undefined }).map((issue) => issue.summary);

for (const [how, superOptions] of [
  ["paths", ["rw", `upperdir=${PLACE.upper}`, `workdir=${PLACE.work}`]],
  ["numbers of descriptors", ["rw", "upperdir=25", "workdir=26"]],
] as const) {
  test(`C11 an environment's writable layer is known where the mount table shows ${how}`, () => {
    const mount = { ...overlayEntry(overlay()), superOptions };
    assert.deepEqual(summaries(mount), ["this is the writable layer of an overlay"]);
    assert.deepEqual(summaries({ ...mount, superOptions: [], source: "overlay" }), []);
  });
}
