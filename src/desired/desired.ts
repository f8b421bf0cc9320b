import { formatCpuList, parseCpuList } from "#model/cpulist";
import type { Facts } from "#model/facts";
import type {
  InnerMount,
  Layer,
  LayerResource,
  Limit,
  LimitName,
  Overlay,
  Resource,
  RootfsResource,
  UpperForm,
} from "#model/resource";
import { byTarget } from "#model/resource";
import type { Limits, OverlayOptions, Spec, Upper } from "#model/spec";

/** Said aloud, since a distribution may build or load the module with other defaults. */
const DEFAULTS: OverlayOptions = { index: "off", metacopy: "off", redirect_dir: "off", xino: "auto" };

/** Everything a Spec amounts to on a host with these Facts: layers, overlay, what is mounted in it (parents first), limits. */
export function desired(spec: Spec, facts: Facts): readonly Resource[] {
  const name = spec.name;
  const rootfs: RootfsResource = { kind: "rootfs", address: `${name}.rootfs`, layer: facts.rootfs };
  const layers = facts.lowers.map((layer, index): LayerResource => ({
    kind: "layer",
    address: `${name}.layer[${index}]`,
    index,
    layer,
  }));
  const overlay: Overlay = {
    kind: "overlay",
    address: `${name}.overlay`,
    lowers: [...facts.lowers, facts.rootfs].map(mounted),
    upper: upperForm(spec.overlay.upper),
    options: { ...DEFAULTS, ...needed(spec.overlay.options), ...spec.overlay.options },
    init: { hostname: spec.entry.hostname, resolv: spec.entry.network },
    root: facts.root,
  };
  return [rootfs, ...layers, overlay, ...inner(spec, facts), ...limits(name, spec.limits)];
}

/** metacopy finds the data of a renamed file by its redirect alone (overlayfs.rst, "Metadata only copy up"). */
function needed({ metacopy }: OverlayOptions): OverlayOptions {
  return metacopy === "on" ? { redirect_dir: "on" } : {};
}

/** What is mounted of a layer; how it is made is told once. */
function mounted({ source, path, inode, digest }: Layer): Layer {
  return { source, path, inode, ...(digest === undefined ? {} : { digest }) };
}

function upperForm(upper: Upper): UpperForm {
  return upper.kind === "tmpfs" ? { kind: "tmpfs", bytes: upper.size.toString() } : upper;
}

function inner(spec: Spec, facts: Facts): readonly InnerMount[] {
  const volumes = spec.volumes.map((v, i): InnerMount => {
    const { target, source, access, recursive, options } = v;
    return {
      kind: "volume",
      address: `${spec.name}.volume["${target}"]`,
      target,
      source,
      ...facts.volumes[i]!,
      access,
      recursive,
      options,
    };
  });
  const tmpfs = spec.tmpfs.map(({ target, size, mode }): InnerMount => ({
    kind: "tmpfs",
    address: `${spec.name}.tmpfs["${target}"]`,
    target,
    ...(size === undefined ? {} : { bytes: size.toString() }),
    mode,
  }));
  return [...volumes, ...tmpfs].sort(byTarget);
}

/** In the order of the file format; cpuset lists in the kernel's own form, so that reading back compares equal. */
function limits(name: string, declared: Limits): readonly Limit[] {
  const list = (text: string): string => formatCpuList(parseCpuList(text) ?? []);
  const values: readonly (readonly [LimitName, string | undefined])[] = [
    ["memory", declared.memory?.toString()],
    ["swap", declared.swap?.toString()],
    ["cpuset", declared.cpuset === undefined ? undefined : list(declared.cpuset)],
    ["cpuset_mems", declared.cpuset_mems === undefined ? undefined : list(declared.cpuset_mems)],
    ["cpus", declared.cpus?.toString()],
    ["cpu_shares", declared.cpu_shares?.toString()],
    ["pids", declared.pids?.toString()],
  ];
  return values.flatMap(([which, value]) =>
    value === undefined
      ? []
      : [{ kind: "limit" as const, address: `${name}.limit.${which}`, name: which, value }],
  );
}
