/** Closed set of what can be wrong; views and hints key on it, never on a sentence. */
export type DiagnosticCode =
  | "yaml"
  | "unknown_key"
  | "missing_key"
  | "wrong_type"
  | "bad_value"
  | "bad_size"
  | "bad_name"
  | "bad_variable"
  | "unset_variable"
  | "conflict"
  | "not_supported"
  | "not_found"
  | "not_directory"
  | "no_cpu"
  | "overlay_rule"
  | "usage"
  | "no_environment"
  | "ambiguous"
  | "kernel"
  | "busy"
  | "in_use"
  | "stale_plan"
  | "foreign_mount"
  | "elsewhere"
  | "bad_record"
  | "bad_state_dir"
  | "no_controller"
  | "refused"
  | "interrupted"
  | "not_applied"
  | "no_command"
  | "no_run"
  | "running"
  | "not_running"
  | "not_ready"
  | "no_user"
  | "internal";

/** A span in a file: 1-based line and column (in characters), length in characters. */
export type Span = { readonly line: number; readonly column: number; readonly length: number };

export type Diagnostic = {
  readonly severity: "error" | "warning";
  readonly code: DiagnosticCode;
  /** One line, no full stop: `not a size`. */
  readonly summary: string;
  /** What to write, or why: shown behind the caret or below the summary. */
  readonly detail?: string;
  readonly file?: string;
  readonly span?: Span;
  /** The source line the span lies in. */
  readonly text?: string;
  /** The system call with its arguments, as strace prints it. */
  readonly call?: string;
  /** `ENOENT`, … */
  readonly errno?: string;
  /** What to do next. */
  readonly hint?: string;
};

/** The exit codes of the contract. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 125 | 126 | 127;

/** A failure with everything to say about it: thrown by the engine, printed by the views. */
export class Failure extends Error {
  readonly exit: ExitCode;
  readonly diagnostics: readonly Diagnostic[];
  constructor(exit: ExitCode, diagnostics: readonly Diagnostic[], cause?: unknown) {
    super(diagnostics.map((d) => d.summary).join("; "), cause === undefined ? {} : { cause });
    this.name = "Failure";
    this.exit = exit;
    this.diagnostics = diagnostics;
  }
}

/** A failure with one error. */
export function failure(
  exit: ExitCode,
  code: DiagnosticCode,
  summary: string,
  more: Omit<Diagnostic, "severity" | "code" | "summary"> = {},
  cause?: unknown,
): Failure {
  return new Failure(exit, [{ severity: "error", code, summary, ...more }], cause);
}

/** In a chroot, mostly: without it nothing can be known of the host. */
export function withoutProc(): Failure {
  return failure(1, "refused", "/proc is not mounted here", { hint: "mount -t proc proc /proc" });
}

/**
 * A system call that the kernel refused. `call` prints like strace, `errno` is the symbolic name.
 * Thrown by `kernel/linux` only; `hint` comes from the hint table there.
 */
export class KernelError extends Error {
  readonly call: string;
  readonly errno: string;
  readonly hint: string | undefined;
  constructor(call: string, errno: string, hint?: string, cause?: unknown) {
    super(`${call}: ${errno}`, cause === undefined ? {} : { cause });
    this.name = "KernelError";
    this.call = call;
    this.errno = errno;
    this.hint = hint;
  }
}
