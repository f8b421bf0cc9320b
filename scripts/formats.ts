// The shape of every machine-readable output, once. JSON Schemas are generated from here (npm run schemas), and tests hold the
// views' output against them. Nothing in src/ imports this: zod stays off the command path.
import * as z from "zod/mini";

const text = z.string();
const path = z.string().check(z.describe("absolute path"));
const whole = z.int().check(z.nonnegative());
const bytes = z.int().check(z.nonnegative(), z.describe("bytes"));
const optional = z.optional;

const summary = z.object({ create: whole, update: whole, replace: whole, delete: whole, keep: whole });

const diagnostic = z.object({
  severity: z.enum(["error", "warning"]),
  code: text,
  summary: text,
  detail: text,
  file: optional(text),
  line: optional(z.int().check(z.positive())),
  column: optional(z.int().check(z.positive())),
  call: optional(text.check(z.describe("the system call with its arguments, as strace prints it"))),
  errno: optional(text),
  hint: optional(text),
});

const finding = z.object({
  env: text,
  address: text,
  kind: z.enum([
    "missing",
    "changed",
    "stacked",
    "foreign",
    "orphan",
    "leftover",
    "stale_source",
    "rebooted",
  ]),
  detail: text,
  fix: text.check(z.describe("the command that mends it")),
  mount: optional(text.check(z.describe("id in mountinfo"))),
  path: optional(path),
});

const because = z.enum([
  "not_applied",
  "missing",
  "stacked",
  "lowers_changed",
  "rootfs_changed",
  "options_changed",
  "source_replaced",
  "dependency_replaced",
  "rebooted",
  "not_declared",
  "requested",
]);

const action = z.object({
  address: text.check(z.describe('web-tests.volume["/work"]')),
  kind: z.enum(["rootfs", "layer", "overlay", "volume", "tmpfs", "limit", "cgroup", "entry"]),
  op: z.enum(["create", "update", "replace", "delete", "keep"]),
  because: optional(because),
  changes: optional(
    z.array(
      z.object({
        path: text,
        before: z.unknown(),
        after: z.unknown(),
        forces_replace: optional(z.boolean()),
      }),
    ),
  ),
  creates: optional(
    z
      .object({ dirs: z.array(path), mode: text.check(z.describe("octal")), uid: whole, gid: whole })
      .check(z.describe("directories on the host that are missing and made for a volume, outermost first")),
  ),
});

const plannedEnv = z.object({
  id: text,
  name: text,
  file: path,
  actions: z.array(action),
  summary,
  drift: z.array(finding),
  blocked: z.array(
    z.object({
      address: text,
      pid: whole,
      user: text,
      command: text,
      holds: text,
      namespace: z.nullable(text.check(z.describe("another mount namespace, as in /proc/PID/ns/mnt"))),
    }),
  ),
  foreign: z.array(
    z.object({
      mount: text,
      path,
      type: text,
      source: text,
      seen_by: optional(z.object({ pid: whole, namespace: text })),
    }),
  ),
  intent: z.enum(["apply", "destroy"]),
  warnings: z.array(diagnostic),
});

const planned = { envs: z.array(plannedEnv), summary };

const format = <Name extends string>(name: Name) => z.literal(`envctl.${name}/1` as const);

function stream(intent: "apply" | "destroy") {
  const head = { format: format(intent) };
  const step = { env: text, address: text, step: text };
  const event = <Event extends string>(name: Event) => z.literal(name);
  return z.discriminatedUnion("event", [
    z.object({ ...head, event: event("version"), version: text }),
    z.object({ ...head, event: event("planned"), ...planned }),
    z.object({ ...head, event: event("step_start"), ...step }),
    z.object({ ...head, event: event("step_done"), ...step, detail: optional(text) }),
    z.object({ ...head, event: event("step_failed"), ...step, diagnostics: z.array(diagnostic) }),
    z.object({ ...head, event: event("step_skipped"), ...step, why: text }),
    z.object({ ...head, event: event("undo_start"), ...step }),
    z.object({ ...head, event: event("undo_done"), ...step }),
    z.object({ ...head, event: event("undo_failed"), ...step, diagnostics: z.array(diagnostic) }),
    z.object({
      ...head,
      event: event("summary"),
      ok: z.boolean(),
      ms: z.number().check(z.nonnegative()),
      summary,
      failed: optional(z.enum(["undone", "kept", "undo_failed"])),
      interrupted: optional(z.boolean()),
    }),
  ]);
}

const upper = z.object({
  form: z.enum(["disk", "tmpfs", "none"]),
  bytes: optional(bytes),
  paths: optional(whole),
});

const limits = z.object({
  memory: optional(bytes),
  swap: optional(bytes),
  cpuset: optional(text),
  cpuset_mems: optional(text),
  cpus: optional(z.number()),
  cpu_shares: optional(z.number()),
  pids: optional(z.number()),
});

const ending = {
  status: optional(whole.check(z.describe("what run would have exited with"))),
  signal: optional(text),
};

const run = z.object({
  run: text.check(z.describe("what commands on runs are told")),
  id: text,
  name: text,
  number: whole,
  state: z.enum(["running", "ended", "lost"]),
  started_at: text.check(z.describe("ISO 8601, UTC")),
  pid: optional(whole.check(z.describe("of the entry, on the host"))),
  ended_at: optional(text),
  ran_ms: optional(whole),
  ...ending,
  oom_kills: optional(whole),
  command: z.array(text),
  user: z.object({ uid: whole, gid: whole }),
  stdout: path,
  stderr: path,
});

const held = {
  id: text,
  name: text,
  file: optional(path.check(z.describe("absent where the record cannot be read"))),
  file_exists: z.boolean(),
  state: z.enum([
    "applied",
    "drifted",
    "interrupted",
    "kept",
    "rebooted",
    "elsewhere",
    "running",
    "ended",
    "unreadable",
  ]),
  applied_at: optional(text.check(z.describe("ISO 8601, UTC"))),
  upper,
  runs: z.array(run).check(z.describe("detached runs, ended ones too")),
};

/** The NAME in `envctl.NAME/1`. */
export type FormatName =
  | "plan"
  | "apply"
  | "destroy"
  | "drift"
  | "ls"
  | "show"
  | "ps"
  | "logs"
  | "validate"
  | "doctor"
  | "init"
  | "graph"
  | "version"
  | "error";

const waiting = z.object({ avg10: z.number(), avg60: z.number(), avg300: z.number() });

const formats: Readonly<Record<FormatName, z.ZodMiniType>> = {
  plan: z.object({ format: format("plan"), ...planned }),
  apply: stream("apply"),
  destroy: stream("destroy"),
  drift: z.object({
    format: format("drift"),
    clean: z.boolean(),
    findings: z.array(finding),
    envs: z.array(z.object({ id: text, name: text, file: path, unapplied: z.boolean() })),
  }),
  doctor: z.object({
    format: format("doctor"),
    ok: z
      .boolean()
      .check(
        z.describe(
          "environments can be applied on this host, or by an ordinary user at least be run (run --rm)",
        ),
      ),
    kernel: text,
    checks: z.array(
      z.object({
        name: text,
        status: z.enum(["yes", "degraded", "no"]),
        found: text,
        effect: optional(text.check(z.describe("what envctl does about it"))),
        fix: optional(text.check(z.describe("what mends it"))),
        essential: optional(z.literal(true).check(z.describe("without it nothing works"))),
      }),
    ),
  }),
  ls: z.object({
    format: format("ls"),
    envs: z.array(z.object({ ...held, layers: whole, volumes: whole, limits })),
  }),
  show: z.object({
    format: format("show"),
    ...held,
    dirs: z.object({
      LowerDir: z.array(path).check(z.describe("topmost first, the init layer is the first")),
      UpperDir: optional(path),
      MergedDir: path,
      WorkDir: optional(path),
    }),
    volumes: z.array(z.object({ target: path, source: text, path, flags: z.array(text) })),
    tmpfs: z.array(z.object({ target: path, bytes: optional(bytes), mode: text.check(z.describe("octal")) })),
    limits,
    use: limits,
    memory_events: optional(
      z
        .object({ reached: whole, oom_kills: whole })
        .check(z.describe("how often use came up to the memory limit, and how many were killed for it")),
    ),
    pressure: optional(
      z
        .array(
          z.object({ resource: z.enum(["cpu", "memory", "io"]), some: waiting, full: optional(waiting) }),
        )
        .check(z.describe("cgroup v2: percent of the time that processes waited for it")),
    ),
    entry: z.object({
      command: optional(z.array(text)),
      workdir: path,
      user: optional(text),
      hostname: text,
      network: z.enum(["none", "host"]),
      init: z.boolean().check(z.describe("a reaper as PID 1")),
      capabilities: z.object({ drop: z.array(text), add: z.array(text) }),
      ready: optional(
        z
          .object({
            tcp: optional(whole),
            exec: optional(z.array(text)),
            file: optional(path),
            timeout: text.check(z.describe("30s")),
          })
          .check(z.describe("as the file has it: one of the three")),
      ),
      env: z.array(
        z.object({
          name: text,
          value: optional(text.check(z.describe("absent for what is not stored"))),
          passes: optional(z.literal(true).check(z.describe("a bare name: taken from the caller at launch"))),
        }),
      ),
    }),
  }),
  ps: z.object({ format: format("ps"), runs: z.array(run) }),
  logs: z.discriminatedUnion("event", [
    z.object({
      format: format("logs"),
      event: z.literal("line"),
      run: text,
      stream: z.enum(["stdout", "stderr"]),
      text,
    }),
    z.object({
      format: format("logs"),
      event: z.literal("ended"),
      run: text,
      state: z.enum(["running", "ended", "lost"]),
      ...ending,
    }),
  ]),
  validate: z.object({
    format: format("validate"),
    valid: z.boolean(),
    files: z.array(
      z.object({
        file: text,
        name: optional(text),
        id: optional(text),
        valid: z.boolean(),
        diagnostics: z.array(diagnostic),
      }),
    ),
  }),
  init: z.object({ format: format("init"), name: text, file: path }),
  graph: z.object({
    format: format("graph"),
    id: text,
    name: text,
    file: path,
    from: z.enum(["file", "record"]),
    upper: z.enum(["disk", "tmpfs", "none"]),
    layers: z
      .array(z.object({ name: text, source: text, path }))
      .check(z.describe("topmost first, rootfs last")),
    mounts: z.array(
      z.object({
        target: path,
        kind: z.enum(["volume", "tmpfs"]),
        source: optional(text),
        path: optional(path),
        flags: optional(z.array(text)),
        bytes: optional(bytes),
      }),
    ),
    limits,
    command: optional(z.array(text)),
  }),
  version: z.object({ format: format("version"), version: text }),
  error: z.object({ format: format("error"), diagnostics: z.array(diagnostic).check(z.minLength(1)) }),
};

export const formatNames: readonly FormatName[] = Object.keys(formats) as FormatName[];

/**
 * The JSON Schema (2020-12) of a format. Readers must let unknown keys pass, since additive changes keep the number; `closed` refuses
 * them, so that tests notice a key nobody described.
 */
export function formatSchema(name: FormatName, closed: boolean = false): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(formats[name], { io: closed ? "output" : "input" });
  const streamed = name === "apply" || name === "destroy" || name === "logs";
  return {
    $schema,
    title: `envctl.${name}/1`,
    description: streamed
      ? "One line of the stream; every line is one object."
      : "What envctl prints with --json.",
    ...schema,
  };
}
