import type { AbsPath } from "#model/brand";
import { baseName, join, parentOf } from "#model/brand";
import { nearest } from "#model/nearest";
import type { Reader } from "#ports/reader";

/** The existing path most like a missing one: its first missing component is compared with what lies beside it. */
export function nearestPath(reader: Reader, missing: AbsPath): AbsPath | undefined {
  let parent = parentOf(missing);
  let rest = [baseName(missing)];
  while (parent !== "/" && reader.stat(parent) === undefined) {
    rest = [baseName(parent), ...rest];
    parent = parentOf(parent);
  }
  const [first = "", ...below] = rest;
  const match = nearest(first, reader.listAny(parent) ?? []);
  if (match === undefined) return undefined;
  const whole = join(parent, match, ...below);
  return reader.stat(whole) === undefined ? undefined : whole;
}
