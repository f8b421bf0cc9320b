import { type AbsPath, join } from "#model/brand";
import type { Reader } from "#ports/reader";
import { quietly } from "./proc.ts";

/** Whether anything was written inside: upper exists and is not empty. */
export function isUpperUsed(reader: Reader, upper: AbsPath): boolean {
  return (quietly(() => reader.listAny(upper)) ?? []).length > 0;
}

/** How many paths an upper holds, and the bytes in its files; whiteouts count as paths. Takes a few µs a path. */
export function measureUpper(
  reader: Reader,
  upper: AbsPath,
): { readonly paths: number; readonly bytes: string } {
  let paths = 0;
  let bytes = 0n;
  const rest: AbsPath[] = [upper];
  for (let dir = rest.pop(); dir !== undefined; dir = rest.pop()) {
    const at = dir;
    for (const name of quietly(() => reader.listAny(at)) ?? []) {
      const path = join(at, name);
      const stat = quietly(() => reader.lstat(path));
      paths++;
      if (stat?.type === "dir") rest.push(path);
      else if (stat?.type === "file") bytes += BigInt(stat.size);
    }
  }
  return { paths, bytes: `${bytes}` };
}
