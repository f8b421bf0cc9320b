import type { Picture } from "#model/stack-picture";
import { groups, type Group } from "./graph.ts";
import { inert, width } from "./text.ts";

/** Quotes and angle brackets would end a label or be taken for markup (mermaid: "Entity codes to escape characters"). */
const label = (text: string): string => text.replace(/["#<>&`\n\t\\]/g, (char) => `#${char.charCodeAt(0)};`);

/** A Mermaid flowchart: layers as a stack, mounts that lie in it, limits around it. */
export function graphMermaid(given: Picture): string {
  const picture = inert(given);
  const all = groups(picture);
  const node = (group: Group, i: number): string => `${group.title}${i}`;
  const boxes = all.flatMap((group) => [
    `  subgraph ${group.title}`,
    ...group.rows.map(([what, said], i) => `    ${node(group, i)}["${label(what)}<br/>${label(said)}"]`),
    "  end",
  ]);
  const stack = all.find(({ title }) => title === "layers")!;
  const links = [
    ...stack.rows.slice(1).map((_, i) => `  ${node(stack, i)} --> ${node(stack, i + 1)}`),
    ...["entry", "mounts", "limits"].flatMap((title) =>
      all.some((group) => group.title === title)
        ? [title === "limits" ? `  limits -.- layers` : `  ${title} --> layers`]
        : [],
    ),
  ];
  return `${["flowchart TB", `  %% ${label(picture.name)}`, ...boxes, ...links].join("\n")}\n`;
}

const xml = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`).replace(/\s/g, " ");

const FILL: Readonly<Record<string, string>> = {
  entry: "#e8def8",
  mounts: "#d7e8ff",
  layers: "#dff3e3",
  limits: "#ffe9cc",
};
const [ROW, LEFT, CELL] = [26, 16, 7.3];

/** An SVG image: a band a row, a colour a group, the rootfs at the bottom of the layers. */
export function graphSvg(given: Picture): string {
  const picture = inert(given);
  const all = groups(picture);
  const rows = all.flatMap(({ rows }) => rows);
  const first = Math.max(...rows.map(([what]) => width(what))) * CELL + 24;
  const wide = Math.ceil(LEFT * 2 + first + Math.max(...rows.map(([, said]) => width(said))) * CELL + 24);
  let y = 44;
  const parts: string[] = [`<text x="${LEFT}" y="28" class="name">${xml(picture.name)}</text>`];
  for (const group of all) {
    parts.push(`<text x="${LEFT}" y="${y + 14}" class="title">${group.title}</text>`);
    y += 22;
    for (const [what, said] of group.rows) {
      const fill = FILL[group.title];
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${wide - 2 * LEFT}" height="${ROW - 2}" rx="4" fill="${fill}"/>`,
        `<text x="${LEFT + 10}" y="${y + 16}" class="what">${xml(what)}</text>`,
        `<text x="${Math.ceil(LEFT + first)}" y="${y + 16}">${xml(said)}</text>`,
      );
      y += ROW;
    }
    y += 8;
  }
  const style =
    "text{font:12px ui-monospace,monospace;fill:#1c1b1f}.name{font-size:16px;font-weight:bold}.title{fill:#5f5b66}.what{font-weight:bold}";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${y + 8}" viewBox="0 0 ${wide} ${y + 8}" role="img">
<title>${xml(picture.name)}</title>
<style>${style}</style>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
}
