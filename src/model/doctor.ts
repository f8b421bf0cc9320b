/** What one probe found: `yes`, works as it should; `degraded`, envctl does without; `no`, something cannot be done here. */
export type Check = {
  /** A slug, stable for machines: `overlay`, `cgroup.memory`. */
  readonly name: string;
  readonly status: "yes" | "degraded" | "no";
  /** What is there. */
  readonly found: string;
  /** What envctl does about it. */
  readonly effect?: string;
  /** The command or setting that mends it. */
  readonly fix?: string;
  /** Without it nothing works. */
  readonly essential?: true;
};

export type DoctorReport = {
  readonly kernel: string;
  /** Found by an ordinary user, as root of a user namespace: what works is `run --rm`. */
  readonly rootless: boolean;
  readonly checks: readonly Check[];
};

/** Whether environments can be applied here at all, or by an ordinary user at least be run. */
export function works(report: DoctorReport): boolean {
  return report.checks.every((check) => check.essential !== true || check.status !== "no");
}
