import type { InnerMount, LayerResource, Limit, Overlay, Resource, RootfsResource } from "#model/resource";
import { formatBytes } from "#model/size";
import type { Picture } from "#model/stack-picture";
import { paint } from "./ansi.ts";
import { limitValue, line, type Json } from "./json.ts";
import { shown, type Look } from "./look.ts";
import { inert, shell, table, wrap } from "./text.ts";
import { limitText, modeText, sourceText, upperText, volumeFlags } from "./values.ts";

/** A row of a picture: what it is, and what there is to say about it. */
export type Row = readonly [what: string, said: string];

/** A picture in groups, in the order one looks at it: from the entry down to the rootfs, then what is around it. */
export type Group = { readonly title: string; readonly rows: readonly Row[] };

const of = <Kind extends Resource["kind"]>(
  picture: Picture,
  kind: Kind,
): Extract<Resource, { kind: Kind }>[] =>
  picture.resources.filter((r): r is Extract<Resource, { kind: Kind }> => r.kind === kind);

/** Volumes and tmpfs, parents first. */
function inner(picture: Picture): readonly InnerMount[] {
  return [...of(picture, "volume"), ...of(picture, "tmpfs")].sort((a, b) => (a.target < b.target ? -1 : 1));
}

function layers(picture: Picture): readonly (RootfsResource | LayerResource)[] {
  return [...of(picture, "layer").sort((a, b) => a.index - b.index), ...of(picture, "rootfs")];
}

const layerName = (r: RootfsResource | LayerResource): string =>
  r.kind === "rootfs" ? "rootfs" : `lowers[${r.index}]`;

/** The groups of a picture; empty ones are left out. */
export function groups(picture: Picture): readonly Group[] {
  const [overlay] = of(picture, "overlay") as Overlay[];
  const upper: readonly Row[] = overlay === undefined ? [] : [["upper", upperText(overlay.upper)]];
  const all: readonly Group[] = [
    {
      title: "entry",
      rows: picture.command === undefined ? [] : [["command", shell(picture.command).replaceAll("\n", " ")]],
    },
    { title: "mounts", rows: inner(picture).map((mount) => [mount.target, mountText(mount)]) },
    {
      title: "layers",
      rows: [
        ...upper,
        ["init", "hostname, hosts, resolv.conf, mtab"],
        ...layers(picture).map((r): Row => [layerName(r), sourceText(r.layer)]),
      ],
    },
    {
      title: "limits",
      rows: of(picture, "limit").map((limit: Limit) => [limit.name, limitText(limit.name, limit.value)]),
    },
  ];
  return all.filter(({ rows }) => rows.length > 0);
}

function mountText(mount: InnerMount): string {
  if (mount.kind === "volume") return `${mount.source} (${volumeFlags(mount).join(", ")})`;
  return `tmpfs, ${mount.bytes === undefined ? "half the memory" : formatBytes(mount.bytes)}, mode ${modeText(mount.mode)}`;
}

/** A tree; the topmost layer stands first. */
export function graphText(given: Picture, look: Look): string {
  const picture = inert(given);
  const p = paint(look.color);
  const all = groups(picture);
  const [branch, last, bar] = look.unicode ? ["├─ ", "└─ ", "│  "] : ["|- ", "`- ", "|  "];
  const width = Math.max(...all.flatMap(({ rows }) => rows.map(([what]) => what.length)));
  const from = picture.from === "record" ? p.yellow("  (file gone: as recorded)") : "";
  const lines = all.flatMap(({ title, rows }, i) => {
    const end = i === all.length - 1;
    const lead = end ? "   " : bar;
    const cells = table(rows.map(([what, said]) => [what.padEnd(width), said]));
    return [
      p.dim(end ? last : branch) + p.bold(title),
      ...cells.flatMap((cell, j) => {
        const mark = j === cells.length - 1 ? last : branch;
        const [head = "", ...rest] = wrap(cell, Math.max(30, look.columns - 6));
        const under = lead + (mark === last ? "   " : bar);
        return [
          p.dim(lead + mark) + head.trimEnd(),
          ...rest.map((text) => `${p.dim(under)}${" ".repeat(width + 2)}${text}`.trimEnd()),
        ];
      }),
    ];
  });
  return `${[`${p.bold(picture.name)}  ${shown(picture.file, look)}${from}`, ...lines].join("\n")}\n`;
}

/** envctl.graph/1 */
export function graphJson(picture: Picture): string {
  const { id, name, file, from, command } = picture;
  const [overlay] = of(picture, "overlay") as Overlay[];
  const mounts = inner(picture).map((mount): Json => {
    if (mount.kind === "tmpfs") {
      const bytes = mount.bytes === undefined ? {} : { bytes: Number(mount.bytes) };
      return { target: mount.target, kind: "tmpfs", ...bytes };
    }
    const { target, source, path } = mount;
    return { target, kind: "volume", source, path, flags: volumeFlags(mount) };
  });
  return line({
    format: "envctl.graph/1",
    id,
    name,
    file,
    from,
    upper: overlay?.upper.kind ?? "disk",
    layers: layers(picture).map((r) => ({ name: layerName(r), source: r.layer.source, path: r.layer.path })),
    mounts,
    limits: Object.fromEntries(of(picture, "limit").map((l) => [l.name, limitValue(l.name, l.value)])),
    ...(command === undefined ? {} : { command }),
  });
}
