import { diffArrays } from "diff";
import type { Layer } from "#model/resource";
import { sourceText } from "./values.ts";

/** A line of the list of layers: what it was before, what it is after. */
export type LayerLine = {
  readonly sign: "+" | "-" | "~" | " ";
  readonly text: string;
  readonly note: string;
};

/** A stored layer's path is made of what it holds: it stays the same layer where that changes. */
const same = (a: Layer, b: Layer): boolean =>
  a.digest !== undefined && b.digest !== undefined ? a.source === b.source : a.path === b.path;

/** What to say of a layer that has its name and is another one. */
export const another = ({ digest }: Layer): string =>
  digest === undefined ? "another directory now" : "other content now";

/** How one list of layers (topmost first) becomes another: kept ones in their order, new and removed ones between them. */
export function layerLines(before: readonly Layer[], after: readonly Layer[]): readonly LayerLine[] {
  const kept = common(before, after);
  const lines: LayerLine[] = [];
  let [b, a] = [0, 0];
  for (const [i, j] of [...kept, [before.length, after.length] as const]) {
    for (; b < i; b++) {
      if (!after.some((layer) => same(layer, before[b]!)))
        lines.push({ sign: "-", text: sourceText(before[b]!), note: "removed" });
    }
    for (; a < j; a++) {
      const moved = before.some((layer) => same(layer, after[a]!));
      lines.push({
        sign: moved ? "~" : "+",
        text: sourceText(after[a]!),
        note: moved ? "moved" : a === 0 ? "new topmost" : "new",
      });
    }
    if (i === before.length) break;
    const { path, inode } = before[i]!;
    const now = after[j]!;
    const replaced = now.path !== path || now.inode.dev !== inode.dev || now.inode.ino !== inode.ino;
    lines.push({
      sign: replaced ? "~" : " ",
      text: sourceText(now),
      note: replaced ? another(now) : "",
    });
    b = i + 1;
    a = j + 1;
  }
  return collapse(lines);
}

/** Index pairs of a longest common subsequence. */
function common(before: readonly Layer[], after: readonly Layer[]): readonly (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  let [i, j] = [0, 0];
  for (const { count, added, removed } of diffArrays([...before], [...after], { comparator: same })) {
    if (removed) i += count;
    else if (added) j += count;
    else for (let n = 0; n < count; n++) pairs.push([i++, j++]);
  }
  return pairs;
}

/** Of more than five unchanged layers in a row the first and the last stay. */
function collapse(lines: readonly LayerLine[]): readonly LayerLine[] {
  const out: LayerLine[] = [];
  for (let i = 0; i < lines.length;) {
    let end = i;
    while (end < lines.length && lines[end]!.sign === " ") end++;
    if (end - i > 5) {
      out.push(lines[i]!, { sign: " ", text: `(${end - i - 2} more)`, note: "" }, lines[end - 1]!);
      i = end;
    } else out.push(lines[i++]!);
  }
  return out;
}
