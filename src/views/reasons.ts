import type { Action, Because, Plan } from "#model/plan";

/** Every reason as words; "because" is what the reader says before it. */
export const REASONS: Readonly<Record<Because, string>> = {
  not_applied: "not applied yet",
  missing: "missing",
  stacked: "mounted more than once",
  lowers_changed: "lowers changed",
  rootfs_changed: "rootfs changed",
  options_changed: "options changed",
  source_replaced: "source was replaced",
  dependency_replaced: "overlay is replaced",
  rebooted: "host was rebooted",
  not_declared: "no longer declared",
  requested: "requested",
};

/** The reason to print behind an action; empty where symbol, section or attributes already say it. */
export function reasonText(action: Action, plan: Plan): string {
  if (action.op === "keep" || action.because === "requested") return "";
  if (action.kind === "entry") return "from the next run on";
  if (action.op === "create" && action.because === "not_applied") return "";
  if (action.op === "update" && action.because === "options_changed") return "";
  // Everything went with the reboot: said once.
  if (action.because === "rebooted" && action.kind !== "overlay") return "";
  if (action.because === "dependency_replaced") {
    const overlay = plan.actions.find((a) => a.kind === "overlay");
    if (overlay === undefined || overlay.op === "keep") return "the mount it lies in changes";
  }
  return REASONS[action.because];
}
