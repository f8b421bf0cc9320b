import type { AbsPath } from "#model/brand";
import type { Diagnostic } from "#model/diagnostic";
import { failure } from "#model/diagnostic";
import type { Issue } from "#model/facts";
import { mountTag } from "#model/identity";
import { overlayPaths, parseMountinfo } from "#model/mountinfo";
import type { Host, MountEntry, Observed } from "#model/observed";
import type { Plan, ReadyPlan } from "#model/plan";
import type { Overlay, UpperForm, VolumeResource } from "#model/resource";
import { shell } from "#model/shell";
import { formatBytes } from "#model/size";
import { holdsUpper, volatileMark } from "#model/stack";
import { coveringMount } from "#observe/host";
import { quietly } from "#observe/proc";
import { crossings, neighbourhood, type Neighbourhood } from "#plan/crossing";
import { layerIssues, volumeIssue, type Table } from "#plan/rules";
import { tmpfsOfUpper, upperMoves } from "#plan/upper";
import type { ReadHost } from "./host.ts";
import { point, type Declared } from "./load.ts";
import type { Planned } from "./planned.ts";
import { readableRecords } from "./state.ts";

/**
 * Rules of the kernel that only what is mounted here shows, for what a plan mounts anew. Nothing is asked where nothing is mounted.
 * @throws Failure bad_state_dir, overlay_rule
 */
export async function mountRules(
  host: ReadHost,
  machine: Host,
  declared: Declared,
  ready: ReadyPlan,
): Promise<readonly Diagnostic[]> {
  const fresh = ready.actions.flatMap((a) => (a.op === "create" || a.op === "replace" ? [a.after] : []));
  const overlay = fresh.find((r): r is Overlay => r.kind === "overlay");
  const volumes = fresh.filter((r): r is VolumeResource => r.kind === "volume" && r.create === undefined);
  if (overlay === undefined && volumes.length === 0) return [];
  if (overlay !== undefined) stateRules(host, ready, overlay);
  if (overlay !== undefined && ready.placement === "host") refuseMove(ready, overlay.upper);
  const table = tableOf(host, machine);
  if (overlay !== undefined) refuseShared(ready, table);
  const issues = [
    ...(overlay === undefined ? [] : layerIssues(overlay, table)),
    ...volumes.flatMap((volume): readonly Issue[] => {
      const index = declared.loaded.spec.volumes.findIndex((v) => v.target === volume.target);
      return volumeIssue(volume, ["volumes", index, "source"], table);
    }),
  ];
  return issues.length === 0 ? [] : point(host, declared.loaded, issues);
}

function tableOf(host: ReadHost, { mountinfo }: Host): Table {
  const known = new Map<AbsPath, MountEntry | undefined>();
  return {
    covering(path) {
      if (!known.has(path))
        known.set(
          path,
          quietly(() => coveringMount(host.reader, mountinfo, path)),
        );
      return known.get(path);
    },
    overlays: parseMountinfo(mountinfo, [" - overlay "]),
  };
}

/** What the state directory lies on decides whether there can be an upper at all. */
function stateRules(host: ReadHost, { name, observed }: ReadyPlan, { upper }: Overlay): void {
  const { covering, place } = observed;
  const readOnly =
    covering?.options.includes("ro") === true || covering?.superOptions.includes("ro") === true;
  if (readOnly) {
    throw failure(
      1,
      "bad_state_dir",
      `the state directory ${place.state} lies on a file system that is mounted read-only`,
      {
        detail: `${covering!.type} at ${covering!.point}`,
        hint: "Name another one: --state-dir DIR, or remount it.",
      },
    );
  }
  if (upper.kind === "disk" && !holdsUpper(covering)) {
    throw failure(
      1,
      "bad_state_dir",
      `the state directory ${place.state} lies on ${covering!.type}, which cannot hold an upper`,
      {
        detail: `mounted at ${covering!.point}; overlayfs wants a local file system with extended attributes, such as ext4, xfs, btrfs or tmpfs`,
        hint: "Name another one: --state-dir DIR, or write overlay: { upper: { tmpfs: SIZE } }.",
      },
    );
  }
  if (upper.kind === "disk" && observed.rebooted && isMarked(host, observed)) {
    throw failure(1, "overlay_rule", `${name}: upper was volatile, and the machine was restarted since`, {
      detail: `what is in it may be torn, and the kernel refuses to mount it again: ${place.upper}`,
      hint: `To begin with a fresh one: envctl destroy ${name}, then apply. Copy what you want to keep first.`,
    });
  }
}

/** What was written inside is neither moved nor deleted by an apply. @throws Failure overlay_rule */
function refuseMove({ name, observed }: ReadyPlan, upper: UpperForm): void {
  if (!observed.upperUsed || !upperMoves(observed, upper)) return;
  const now = tmpfsOfUpper(observed) === undefined ? "on disk" : "in a tmpfs";
  throw failure(
    1,
    "overlay_rule",
    `${name}: what was written inside lies ${now}, and apply neither moves nor deletes it`,
    {
      detail: `overlay.upper says ${upper.kind === "tmpfs" ? `a tmpfs of ${formatBytes(upper.bytes)}` : upper.kind} now; it is at ${observed.place.upper}`,
      hint: `To begin with a fresh one: envctl destroy ${name}, then apply. Copy what you want to keep first.`,
    },
  );
}

/** Without index=on the kernel lets two overlays write one upper, and "behaviour is undefined" (overlayfs.rst). @throws Failure busy */
function refuseShared({ name, observed }: ReadyPlan, { overlays }: Table): void {
  const { place, lineage, id } = observed;
  const other = overlays.find((mount) => {
    const { upper } = overlayPaths(mount.superOptions);
    return upper === place.upper && mount.source !== mountTag(lineage, id);
  });
  if (other === undefined) return;
  throw failure(5, "busy", `${name}: its upper is in use by an overlay that is not envctl's`, {
    detail: `${other.source} at ${other.point}`,
    hint: `Unmount it: ${shell(["umount", other.point])}`,
  });
}

function isMarked(host: ReadHost, { place }: Observed): boolean {
  return quietly(() => host.reader.lstat(volatileMark(place))) !== undefined;
}

/** The plans with what others on this host stand in the way of; those that mount no volume anew are not asked. */
export async function withWarnings(host: ReadHost, planned: readonly Planned[]): Promise<readonly Planned[]> {
  let all: Neighbourhood | undefined;
  const result: Planned[] = [];
  for (const one of planned) {
    const { plan, declared } = one;
    const issues: Issue[] = stacksAnew(plan) ? [...declared.facts.warnings] : [];
    if (writesAnew(plan)) {
      all ??= around(host, planned);
      issues.push(...crossings(declared.loaded.spec, { ...plan, ...declared }, all));
    }
    const warnings = issues.length === 0 ? [] : await point(host, declared.loaded, issues);
    result.push(
      warnings.length === 0 ? one : { ...one, plan: { ...plan, warnings: [...plan.warnings, ...warnings] } },
    );
  }
  return result;
}

/** Those that are planned, as they are to be, and whoever else has a record here. */
function around(host: ReadHost, planned: readonly Planned[]): Neighbourhood {
  const here = planned.map(({ plan: { id, name }, declared: { resources } }) => ({ id, name, resources }));
  const ids = new Set(here.map(({ id }) => id));
  return neighbourhood([...here, ...readableRecords(host).filter(({ id }) => !ids.has(id))]);
}

const isNew = (op: string): boolean => op === "create" || op === "replace";
const stacksAnew = ({ actions }: Plan): boolean =>
  actions.some((a) => (a.kind === "overlay" || a.kind === "volume") && isNew(a.op));
const writesAnew = ({ actions }: Plan): boolean =>
  actions.some(
    (a) =>
      a.kind === "volume" && a.op !== "delete" && isNew(a.op) && (a.after as VolumeResource).access === "rw",
  );
