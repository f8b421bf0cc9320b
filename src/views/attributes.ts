import type { Action, Change, Plan } from "#model/plan";
import type {
  LayerResource,
  Limit,
  Overlay,
  RootfsResource,
  TmpfsResource,
  UpperForm,
  VolumeResource,
} from "#model/resource";
import { isStored } from "#model/resource";
import { formatBytes } from "#model/size";
import { another, layerLines, type LayerLine } from "./layers.ts";
import { count } from "./text.ts";
import { entryText, textLines } from "./text-diff.ts";
import { digestText, limitText, modeText, sourceText, upperHolds, upperText, volumeFlags } from "./values.ts";

/** A line below an action: label (empty where a list goes on, absent where the value needs none), sign of a list item, value, remark. */
export type Attribute = {
  readonly label?: string;
  readonly sign?: LayerLine["sign"];
  readonly value: string;
  readonly note?: string;
};

/** What there is to say about an action beyond its address; `to` is the arrow between two values. */
export function attributesOf(action: Action, plan: Plan, to: string): readonly Attribute[] {
  switch (action.kind) {
    case "overlay":
      return overlay(action, plan, to);
    case "volume":
      return action.op === "create" ? volume(action.after as VolumeResource) : changed(action, to);
    case "tmpfs":
      return action.op === "create" ? [tmpfs(action.after as TmpfsResource)] : changed(action, to);
    case "limit":
      return limit(action, plan, to);
    case "cgroup":
      return action.op === "delete" && plan.observed.cgroups.some((group) => group.populated)
        ? [{ label: "holds", value: "processes", note: "stopped" }]
        : [];
    case "entry":
      return entry(action, to);
    case "rootfs":
    case "layer":
      return action.op === "delete" || action.op === "keep" ? [] : stored(action, to);
  }
}

/** A stored layer: directories used in place are only ever kept. */
function stored(action: Exclude<Action, { op: "keep" | "delete" }>, to: string): readonly Attribute[] {
  const { layer } = action.after as RootfsResource | LayerResource;
  const { digest = "" } = layer;
  const host = isStored(layer) && layer.recipe.kind === "host";
  const note = host ? "copied with all they need" : "unpacked once";
  const before =
    action.op === "create" ? undefined : (action.before as RootfsResource | LayerResource).layer.digest;
  const text =
    before === undefined ? digestText(digest) : `${digestText(before)} ${to} ${digestText(digest)}`;
  return [
    { label: host ? "host" : "archive", value: sourceText(layer), ...(before === undefined ? { note } : {}) },
    { label: "digest", value: text },
  ];
}

function overlay(action: Action, plan: Plan, to: string): readonly Attribute[] {
  if (action.op === "delete") {
    const form = (action.before as Overlay).upper;
    if (form.kind === "none") return [];
    return [
      {
        label: "upper",
        value: plan.keepUpper === true ? "kept" : "deleted",
        note: upperHolds(plan.observed),
      },
    ];
  }
  if (action.op === "create") {
    const after = action.after as Overlay;
    const layers = action.because === "not_applied" ? layersOf(after) : [];
    return [...layers, upper(after.upper, plan, false), ...options(after)];
  }
  if (action.op !== "replace" && action.op !== "update") return [];
  const [before, after] = [action.before as Overlay, action.after as Overlay];
  const changedLayers = action.changes.some((c) => c.path === "lowers" || c.path === "rootfs");
  const others = action.changes.filter((c) => !["lowers", "rootfs", "upper"].includes(c.path));
  return [
    ...(changedLayers ? lowersChanged(before, after, action.changes, to) : []),
    action.changes.some((c) => c.path === "upper")
      ? { label: "upper", value: `${upperText(before.upper)} ${to} ${upperText(after.upper)}` }
      : upper(after.upper, plan, true),
    ...others.flatMap((c) => change(c, to)),
  ];
}

function layersOf(after: Overlay): readonly Attribute[] {
  const lowers = after.lowers
    .slice(0, -1)
    .map((l): LayerLine => ({ sign: " ", text: sourceText(l), note: "" }));
  const shown =
    lowers.length > 8
      ? [...lowers.slice(0, 6), { sign: " " as const, text: `(${lowers.length - 6} more)`, note: "" }]
      : lowers;
  return [
    ...shown.map((l, i) => ({ label: i === 0 ? "lowers" : "", value: l.text })),
    { label: "rootfs", value: sourceText(after.lowers.at(-1)!) },
  ];
}

function lowersChanged(
  before: Overlay,
  after: Overlay,
  changes: readonly Change[],
  to: string,
): readonly Attribute[] {
  const lines = changes.some((c) => c.path === "lowers")
    ? layerLines(before.lowers.slice(0, -1), after.lowers.slice(0, -1))
    : [];
  const [was, is] = [before.lowers.at(-1), after.lowers.at(-1)];
  const rootfs: Attribute[] = [];
  if (changes.some((c) => c.path === "rootfs") && was !== undefined && is !== undefined) {
    const value = was.source === is.source ? sourceText(is) : `${sourceText(was)} ${to} ${sourceText(is)}`;
    rootfs.push({
      label: "rootfs",
      value,
      ...(was.source === is.source ? { note: another(is) } : {}),
    });
  }
  return [
    ...lines.map((l, i) => ({ label: i === 0 ? "lowers" : "", sign: l.sign, value: l.text, note: l.note })),
    ...rootfs,
  ];
}

/** A replaced overlay and one that is mounted again find what was written before. */
function upper(form: UpperForm, plan: Plan, again: boolean): Attribute {
  const { observed } = plan;
  if (form.kind === "none") return { label: "upper", value: upperText(form) };
  if (again || observed.upperUsed || observed.upperUse !== undefined)
    return { label: "upper", value: "kept", note: upperHolds(observed) };
  return { label: "upper", value: `new, on ${upperText(form).replace(",", " of")}` };
}

/** Options that every overlay gets say nothing. */
const USUAL: Readonly<Record<string, unknown>> = {
  index: "off",
  metacopy: "off",
  redirect_dir: "off",
  xino: "auto",
  volatile: false,
};

function options(after: Overlay): readonly Attribute[] {
  const value = flatten(
    Object.fromEntries(Object.entries(after.options).filter(([key, set]) => USUAL[key] !== set)),
  );
  return value === "" ? [] : [{ label: "options", value }];
}

function volume(after: VolumeResource): readonly Attribute[] {
  const { source, create } = after;
  const made = (create?.dirs ?? []).map((dir, i) => ({
    label: i === 0 ? "creates" : "",
    value: create!.dirs.length === 1 ? source : dir,
    note: i === 0 ? `${modeText(create!.owner.mode)}, owner ${create!.owner.uid}:${create!.owner.gid}` : "",
  }));
  return [{ label: "source", value: source, note: volumeFlags(after).join(",") }, ...made];
}

function tmpfs(after: TmpfsResource): Attribute {
  const value = after.bytes === undefined ? "half the memory" : formatBytes(after.bytes);
  return { label: "size", value, note: `mode ${modeText(after.mode)}` };
}

function limit(action: Action, plan: Plan, to: string): readonly Attribute[] {
  if (action.op === "keep" || action.op === "delete") return [];
  const after = action.after as Limit;
  const text = (value: unknown): string => limitText(after.name, String(value));
  if (action.op === "create") return [{ value: text(after.value), ...inUse(after, plan) }];
  const edited = (action.before as Limit).value !== after.value;
  return action.changes.map((c) =>
    edited
      ? { value: `${text(c.before)} ${to} ${text(c.after)}`, ...inUse(after, plan) }
      : { value: text(c.after), note: `reads ${String(c.before)}, recorded ${after.value}` },
  );
}

function inUse(after: Limit, plan: Plan): { readonly note?: string } {
  const use = plan.observed.cgroups.find((g) => g.memoryUse !== undefined)?.memoryUse;
  if (after.name !== "memory" || use === undefined || Number(use) === 0) return {};
  const less = Number(after.value) < Number(use) ? ", more than that" : "";
  return { note: `in use now: ${formatBytes(use)}${less}` };
}

function entry(action: Action, to: string): readonly Attribute[] {
  if (action.op !== "update") return [];
  return action.changes.flatMap((c) =>
    c.path === "command" || c.path === "env"
      ? textLines(entryText(c.before), entryText(c.after)).map(({ sign, text }, i) => ({
          label: i === 0 ? c.path : "",
          sign,
          value: text,
        }))
      : change(c, to),
  );
}

function changed(action: Action, to: string): readonly Attribute[] {
  if (action.op !== "update" && action.op !== "replace") return [];
  const flags = action.changes.some((c) => c.path === "options");
  return action.changes.filter((c) => !(flags && c.path === "access")).flatMap((c) => change(c, to));
}

/** A change nothing above knows better. */
function change(c: Change, to: string): readonly Attribute[] {
  if (c.path === "mounted") return [{ label: "found", value: String(c.before) }];
  const text = (value: unknown): string => {
    if (c.path === "mode" && typeof value === "number") return modeText(value);
    if (c.path === "size") return value === null ? "half the memory" : formatBytes(String(value));
    return flatten(value) || "(none)";
  };
  const value = `${text(c.before)} ${to} ${text(c.after)}`;
  return [{ label: c.path === "options" && Array.isArray(c.after) ? "flags" : c.path, value }];
}

/** A JSON value in one line: `index=off,metacopy=off`, `rw,nosuid`. */
function flatten(value: unknown): string {
  if (Array.isArray(value))
    return value.length > 6
      ? count(value.length, "entry").replace("entrys", "entries")
      : value.map(flatten).join(",");
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key}=${flatten(inner)}`)
    .join(",");
}
