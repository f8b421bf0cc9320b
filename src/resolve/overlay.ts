import type { AbsPath } from "#model/brand";
import { isWithin } from "#model/brand";
import type { Issue } from "#model/facts";
import { isStored, type Layer } from "#model/resource";
import type { Draft, SpecPath } from "#model/spec";
import { MAX_LAYERS } from "#model/stack";

/** A resolved layer and where the file names it. */
export type Placed = { readonly layer: Layer; readonly at: SpecPath };

const error = (path: SpecPath, summary: string, detail: string): Issue => ({
  path,
  severity: "error",
  code: "overlay_rule",
  summary,
  detail,
});

/**
 * What overlayfs refuses, found before it is asked (Documentation/filesystems/overlayfs.rst and fs/overlayfs/params.c, super.c): the kernel
 * says EINVAL or ELOOP for any of it. Topmost layer first.
 */
export function overlayIssues(
  overlay: Draft["overlay"],
  count: number,
  layers: readonly Placed[],
  state: AbsPath,
  rootless: boolean,
): readonly Issue[] {
  return [
    ...optionIssues(overlay),
    ...(rootless ? unprivilegedIssues(overlay) : []),
    ...tooMany(count),
    ...twice(layers),
    ...layers.flatMap((placed) => stateIssues(placed, state)),
  ];
}

function optionIssues(overlay: Draft["overlay"]): readonly Issue[] {
  if (overlay === undefined) return [];
  const { upper, options } = overlay;
  const at = (key: string): SpecPath => ["overlay", "options", key];
  const redirect = options.redirect_dir ?? "on";
  const issues: Issue[] = [];
  if (options.metacopy === "on" && redirect !== "on") {
    const write = "write redirect_dir: on, or leave one of them out";
    issues.push(error(at("redirect_dir"), `metacopy=on excludes redirect_dir=${redirect}`, write));
  }
  for (const key of ["volatile", "index"] as const) {
    const asked = options[key] === true || options[key] === "on";
    if (asked && upper.kind === "none")
      issues.push(
        error(at(key), `${key} has no meaning without an upper`, "leave it out, or write upper: disk"),
      );
  }
  return issues;
}

/** With userxattr neither can be (ovl_fs_params_verify in fs/overlayfs/params.c). */
function unprivilegedIssues(overlay: Draft["overlay"]): readonly Issue[] {
  return (["redirect_dir", "metacopy"] as const).flatMap((key): readonly Issue[] => {
    const asked = overlay?.options[key];
    if (asked === undefined || asked === "off" || asked === "nofollow") return [];
    const detail =
      "overlayfs would have to believe attributes that anybody can write; leave it out, or use sudo";
    return [error(["overlay", "options", key], `${key}=${asked} needs root`, detail)];
  });
}

function tooMany(count: number): readonly Issue[] {
  // The init layer is one more.
  if (count + 1 <= MAX_LAYERS) return [];
  const detail = `rootfs, ${MAX_LAYERS - 2} lowers and envctl's init layer are the most: merge some of them`;
  return [
    error(["lowers", MAX_LAYERS - 2], `${count + 1} layers, and overlayfs takes ${MAX_LAYERS}`, detail),
  ];
}

/** One directory as two layers ("conflicting lowerdir path"), or one below the other ("overlapping lowerdir path"): ELOOP. */
function twice(layers: readonly Placed[]): readonly Issue[] {
  const key = (layer: Layer): string =>
    isStored(layer) ? layer.path : `${layer.inode.dev} ${layer.inode.ino}`;
  const seen = new Map<string, Placed>();
  const paths = new Map(layers.map((placed) => [placed.layer.path as string, placed]));
  return layers.flatMap((placed) => {
    const { layer, at } = placed;
    const same = seen.get(key(layer));
    if (same !== undefined)
      return [error(at, `the same directory as ${nameOf(same)}`, "a directory can be one layer only")];
    seen.set(key(layer), placed);
    const outer = above(layer, paths);
    if (outer === undefined) return [];
    const detail = "the kernel refuses overlapping layers (ELOOP): copy it, or put it beside";
    return [error(at, `lies below ${nameOf(outer)}, another layer`, detail)];
  });
}

/** The layer of the same file system whose directory holds this one's: a mount between them keeps them apart. */
function above(layer: Layer, paths: ReadonlyMap<string, Placed>): Placed | undefined {
  for (let end = layer.path.lastIndexOf("/"); end >= 0; end = layer.path.lastIndexOf("/", end - 1)) {
    const outer = paths.get(end === 0 ? "/" : layer.path.slice(0, end));
    if (outer !== undefined && outer.layer !== layer)
      return isStored(layer) || outer.layer.inode.dev === layer.inode.dev ? outer : undefined;
    if (end === 0) return undefined;
  }
  return undefined;
}

const nameOf = ({ at }: Placed): string => (at[0] === "rootfs" ? "rootfs" : `lowers[${at[1]}]`);

/** A layer in the state directory is, or may become, somebody's upper; one that holds it lies under an upper. */
function stateIssues({ layer, at }: Placed, state: AbsPath): readonly Issue[] {
  if (isStored(layer)) return [];
  if (isWithin(state, layer.path)) {
    const [env, part] = layer.path.slice(`${state}/envs/`.length).split("/");
    const whose =
      layer.path.startsWith(`${state}/envs/`) && env !== undefined
        ? `it is ${part === "merged" ? "the inside" : "the writable layer"} of ${env}`
        : `the state directory is ${state}`;
    return [error(at, "a layer cannot lie in the state directory", whose)];
  }
  if (!isWithin(layer.path, state)) return [];
  return [
    {
      path: at,
      severity: "warning",
      code: "overlay_rule",
      summary: "this layer holds the state directory, and with it upper",
      detail: `what is written inside changes the layer as well; the state directory is ${state}`,
    },
  ];
}
