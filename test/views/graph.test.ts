import assert from "node:assert/strict";
import test from "node:test";
import { golden } from "#test/golden";
import { graphMermaid, graphSvg } from "#views/graph-image";
import { graphText } from "#views/graph";
import { awkwardly, drawn } from "./drawn.ts";
import { LOOK } from "./fixtures.ts";

for (const [name, picture] of [
  ["graph", drawn],
  ["graph-awkward", awkwardly],
] as const) {
  test(`${name} as a flowchart and as an image looks as reviewed`, () => {
    golden(`views/${name}/flow.mmd`, graphMermaid(picture));
    golden(`views/${name}/image.svg`, graphSvg(picture));
  });
}

test("names cannot be markup in a flowchart or an image", () => {
  const svg = graphSvg(awkwardly);
  assert.doesNotMatch(svg.replace(/<\/?(svg|title|style|rect|text)\b[^<>]*>/g, ""), /[<>]/);
  assert.doesNotMatch(svg, /&(?!#\d+;)/);
  for (const line of graphMermaid(awkwardly).split("\n"))
    assert.ok((line.match(/"/g) ?? []).length % 2 === 0 && !/<(?!br\/>)/.test(line), line);
});

test("every layer, mount and limit is in each form", () => {
  const named = drawn.resources.flatMap((r) =>
    r.kind === "volume" || r.kind === "tmpfs" ? [r.target] : r.kind === "limit" ? [r.name] : [],
  );
  assert.ok(named.length > 4);
  for (const text of [graphText(drawn, LOOK), graphMermaid(drawn), graphSvg(drawn)])
    for (const name of [...named, "rootfs", "lowers[0]", "upper", "init"])
      assert.ok(text.includes(name), name);
});
