import type { AbsPath, EnvId } from "./brand.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Holder, MountEntry, Observed } from "./observed.ts";
import type { PlanResource, Resource } from "./resource.ts";

/** Why anything but a plain creation happens; the closed set of the contract. */
export type Because =
  | "not_applied"
  | "missing"
  | "stacked"
  | "lowers_changed"
  | "rootfs_changed"
  | "options_changed"
  | "source_replaced"
  | "dependency_replaced"
  | "rebooted"
  | "not_declared"
  | "requested";

/** A changed attribute; `before` and `after` are JSON values. */
export type Change = {
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly forces_replace?: boolean;
};

type Subject = { readonly address: string; readonly kind: PlanResource["kind"] };

/** What happens to one resource. `replace` exists only for overlays and what hangs in them. */
export type Action = Subject &
  (
    | { readonly op: "create"; readonly because: Because; readonly after: PlanResource }
    | {
        readonly op: "update";
        readonly because: Because;
        readonly before: PlanResource;
        readonly after: PlanResource;
        readonly changes: readonly Change[];
      }
    | {
        readonly op: "replace";
        readonly because: Because;
        readonly before: Resource;
        readonly after: Resource;
        readonly changes: readonly Change[];
      }
    | { readonly op: "delete"; readonly because: Because; readonly before: PlanResource }
    | { readonly op: "keep"; readonly after: Resource }
  );

export type Summary = {
  readonly create: number;
  readonly update: number;
  readonly replace: number;
  readonly delete: number;
  readonly keep: number;
};

export type FindingKind =
  | "missing"
  | "changed"
  | "stacked"
  | "foreign"
  | "orphan"
  | "leftover"
  | "stale_source"
  | "rebooted";

/** Record and kernel disagree, or something lies about that no file declares. */
export type Finding = {
  readonly env: EnvId;
  readonly address: string;
  readonly kind: FindingKind;
  readonly detail: string;
  /** The command that mends it. */
  readonly fix: string;
  readonly mount?: string;
  readonly path?: string;
};

/** A holder of something the plan takes away. */
export type Blocker = Holder & { readonly address: string };

/** How the mounts are placed: visible on the host, or in a namespace that dies with its run. */
export type Placement = "host" | "private";

type PlanBase = {
  readonly intent: "apply" | "destroy";
  readonly placement: Placement;
  /** A destroy that leaves the writable layer. */
  readonly keepUpper?: boolean;
  readonly id: EnvId;
  readonly name: string;
  /** The environment file; its path is absolute. */
  readonly file: AbsPath;
  readonly actions: readonly Action[];
  readonly summary: Summary;
  readonly drift: readonly Finding[];
  readonly warnings: readonly Diagnostic[];
  /** What was seen; the executor checks that it still holds. */
  readonly observed: Observed;
};

/** Can be executed. */
export type ReadyPlan = PlanBase & { readonly kind: "ready" };
/** Something of ours is held, or a mount that is not ours is in the way: never reaches the executor. */
export type BlockedPlan = PlanBase & {
  readonly kind: "blocked";
  readonly blocked: readonly Blocker[];
  readonly foreign: readonly (MountEntry & {
    readonly seenBy?: { readonly pid: number; readonly namespace: string };
  })[];
};
export type Plan = ReadyPlan | BlockedPlan;

/** Counts actions by what they do. */
export function summarise(actions: readonly Action[]): Summary {
  const sum = { create: 0, update: 0, replace: 0, delete: 0, keep: 0 };
  for (const a of actions) sum[a.op]++;
  return sum;
}

/** The sum of several summaries. */
export function total(all: readonly Summary[]): Summary {
  const sum = { create: 0, update: 0, replace: 0, delete: 0, keep: 0 };
  for (const s of all) for (const key of Object.keys(sum) as (keyof Summary)[]) sum[key] += s[key];
  return sum;
}

/** Whether applying would change anything. */
export function changes(summary: Summary): number {
  return summary.create + summary.update + summary.replace + summary.delete;
}

/** Whether there is nothing to do: nothing changes, nothing was interrupted, and no group was removed by somebody. */
export function isSettled({ summary, observed }: Plan): boolean {
  const { record, cgroups } = observed;
  const exists = (dir: AbsPath): boolean => cgroups.some((g) => g.dir === dir && g.exists);
  return changes(summary) === 0 && record?.phase === "applied" && record.cgroups.every((g) => exists(g.dir));
}
