import type { ControlHost, Probe, ReadHost, WriteHost } from "#engine/host";
import type { AbsPath } from "#model/brand";
import { type ExitCode, Failure, KernelError } from "#model/diagnostic";
import type { Look } from "#views/look";
import type { Args } from "./args.ts";

/** Results and envctl's own words, as the terminal port takes them; false where nobody does any more. */
export type Words = {
  out(text: string | Uint8Array): boolean;
  err(text: string | Uint8Array): boolean;
  ask(question: string, stop: AbortSignal): Promise<string | undefined>;
};

/** What every command is given. */
export type Context<Host extends ReadHost = ReadHost> = {
  readonly args: Args;
  readonly host: Host;
  readonly words: Words;
  /** Of standard output and of standard error. */
  readonly look: { readonly out: Look; readonly err: Look };
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Puts a result into a file (0600) that was asked for by name. */
  readonly save: (path: AbsPath, text: string) => Promise<void>;
  /** Writes a new file where none is, its directory too; false where one is. */
  readonly create: (path: AbsPath, text: string) => Promise<boolean>;
  /** A published JSON Schema by its name; undefined for an unknown one. */
  readonly schema: (name: string) => Promise<object | undefined>;
  /** Harmless questions to the kernel that no file answers. */
  readonly probe: () => Promise<Probe>;
  /** What the kernel's refusal was where an ordinary user wanted a user namespace. */
  readonly namespaceRefused: string | undefined;
  /** Somebody can answer a question. */
  readonly interactive: boolean;
};
export type WriteContext = Context<WriteHost>;
export type ControlContext = Context<ControlHost>;

/** A command: the host it gets is all it can do. Answers the exit code. */
export type ReadCommand = (context: Context) => number | Promise<number>;
export type WriteCommand = (context: WriteContext) => number | Promise<number>;
export type ControlCommand = (context: ControlContext) => number | Promise<number>;

/** Prints a result: text, or JSON where it was asked for. */
export function result(context: Context, text: (look: Look) => string, json: () => string): void {
  context.words.out(context.json ? json() : text(context.look.out));
}

/** Tells of a failure; never a stack trace. The words for it are loaded when something fails. */
export async function complain(
  context: Pick<Context, "words" | "look" | "json">,
  error: unknown,
  attempt?: string,
): Promise<void> {
  const { diagnostics, diagnosticsOf } = await import("#views/diagnostics");
  const all = diagnosticsOf(error, attempt);
  if (context.json) context.words.out((await import("#views/json")).errorJson(all));
  else context.words.err(diagnostics(all, context.look.err));
}

/** The exit code that what was thrown asks for. */
export function exitOf(error: unknown): ExitCode {
  if (error instanceof Failure) return error.exit;
  return error instanceof KernelError && error.errno === "EBUSY" ? 5 : 1;
}

/** A signal came while envctl waited for something. */
export function isInterruption(error: unknown): boolean {
  return error instanceof Failure && error.diagnostics[0]?.code === "interrupted";
}

/** Several environments, one exit code: the first of these that occurred (contract, "Exit codes"). */
export function worst(codes: readonly number[]): ExitCode {
  return ([1, 6, 5, 4, 2] as const).find((code) => codes.includes(code)) ?? 0;
}
