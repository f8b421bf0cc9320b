import { join } from "#model/brand";
import type { Layers } from "#ports/layers";
import { ROOT } from "./fake-disk.ts";
import type { FakeWorld } from "./fake-reader.ts";

/** Archives that unpack to one directory, `etc`; of host programs every file is as empty as the other. */
export function fakeLayers({ disk }: FakeWorld, note: (line: string) => void): Layers {
  return {
    *unpack({ archive }, into) {
      note(`unpack ${archive} ${into}`);
      yield 0;
      disk.put(join(into, "etc"), disk.newNode("dir", ROOT));
    },
    *copy(entries, into) {
      note(`copy ${entries.length} ${into}`);
      yield 0;
    },
    keep: (from, to) => {
      note(`keep ${from} ${to}`);
      disk.rename(disk.keys(from)[0]!, disk.keys(to)[0]!);
    },
  };
}
