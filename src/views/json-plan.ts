import type { Ended } from "#model/outcome";
import type { Action, Change, Plan, Summary } from "#model/plan";
import { total } from "#model/plan";
import type { LimitName, VolumeResource } from "#model/resource";
import type { StepEvent } from "#model/step";
import { diagnosticsOf } from "./diagnostics.ts";
import { diagnostic, finding, limitValue, line, type Json } from "./json.ts";
import { attemptText } from "./steps.ts";
import { modeText } from "./values.ts";

/** envctl.plan/1 */
export function planJson(plans: readonly Plan[]): string {
  return line({ format: "envctl.plan/1", ...planned(plans) });
}

function planned(plans: readonly Plan[]): Json {
  return { envs: plans.map(planEnv), summary: summary(total(plans.map((plan) => plan.summary))) };
}

function planEnv(plan: Plan): Json {
  const foreign = plan.kind === "blocked" ? plan.foreign : [];
  return {
    id: plan.id,
    name: plan.name,
    file: plan.file,
    actions: plan.actions.map(action),
    summary: summary(plan.summary),
    drift: plan.drift.map(finding),
    blocked: (plan.kind === "blocked" ? plan.blocked : []).map(
      ({ address, pid, user, command, holds, namespace }) => ({
        address,
        pid,
        user,
        command,
        holds,
        namespace: namespace ?? null,
      }),
    ),
    foreign: foreign.map(({ id, point, type, source, seenBy }) => ({
      mount: id,
      path: point,
      type,
      source,
      ...(seenBy === undefined ? {} : { seen_by: seenBy }),
    })),
    intent: plan.intent,
    warnings: plan.warnings.map(diagnostic),
  };
}

function action(a: Action): Json {
  const subject = { address: a.address, kind: a.kind, op: a.op };
  if (a.op === "keep") return subject;
  return {
    ...subject,
    because: a.because,
    ...("changes" in a ? { changes: a.changes.map((c) => change(c, a)) } : {}),
    ...creates(a),
  };
}

/** Directories on the host that are made for a volume: the plan says so. */
function creates(a: Exclude<Action, { op: "keep" }>): Json {
  const create = a.op === "delete" || a.kind !== "volume" ? undefined : (a.after as VolumeResource).create;
  if (create === undefined) return {};
  const { mode, uid, gid } = create.owner;
  return { creates: { dirs: create.dirs, mode: modeText(mode), uid, gid } };
}

function change(c: Change, a: Action): Json {
  const value = (given: unknown): unknown => {
    if (a.kind === "limit")
      return limitValue(a.address.slice(a.address.lastIndexOf(".") + 1) as LimitName, given);
    if (c.path === "size" && typeof given === "string") return Number(given);
    return plainValue(given, c.path);
  };
  const forced = c.forces_replace === undefined ? {} : { forces_replace: c.forces_replace };
  return { path: c.path, before: value(c.before), after: value(c.after), ...forced };
}

/** Bytes are numbers and modes octal text, at any depth. */
function plainValue(value: unknown, key: string): unknown {
  if (typeof value === "bigint") return Number(value);
  if (key === "mode" && typeof value === "number") return modeText(value);
  if (key === "bytes" && typeof value === "string") return Number(value);
  if (Array.isArray(value)) return value.map((item) => plainValue(item, key));
  if (value === null || typeof value !== "object") return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainValue(inner, name)]));
}

function summary({ create, update, replace, delete: gone, keep }: Summary): Json {
  return { create, update, replace, delete: gone, keep };
}

/** envctl.apply/1, envctl.destroy/1: one object a line. */
export type Stream = {
  version(version: string): string;
  planned(plans: readonly Plan[]): string;
  step(plan: Plan, event: StepEvent): string;
  summary(ended: Ended): string;
};

/** The lines of one command; print each as it comes. */
export function streamJson(intent: Plan["intent"]): Stream {
  const format = `envctl.${intent}/1`;
  return {
    version: (version) => line({ format, event: "version", version }),
    planned: (plans) => line({ format, event: "planned", ...planned(plans) }),
    step: (plan, event) =>
      line({
        format,
        event: event.event,
        env: plan.id,
        address: event.step.address,
        step: event.step.do,
        ...outcome(event, plan),
      }),
    summary: ({ failed, interrupted, leftOut = false, ms, summary: sum }) =>
      line({
        format,
        event: "summary",
        ok: failed === undefined && !leftOut,
        ms: Math.round(ms * 10) / 10,
        summary: summary(sum),
        ...(failed === undefined ? {} : { failed }),
        ...(interrupted === undefined ? {} : { interrupted }),
      }),
  };
}

function outcome(event: StepEvent, plan: Plan): Json {
  if (event.event === "step_skipped") return { why: event.why };
  if ("error" in event)
    return { diagnostics: diagnosticsOf(event.error, attemptText(event.step, plan)).map(diagnostic) };
  return "detail" in event && event.detail !== undefined ? { detail: event.detail } : {};
}
