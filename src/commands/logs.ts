import { readLogs, type Stream } from "#engine/logs";
import { runNamed } from "#engine/runs";
import { runName } from "#model/detached";
import { logEnd, logLine } from "#views/json-runs";
import { usage } from "./args.ts";
import type { Context } from "./context.ts";

/** What a detached run has printed. */
export function command(context: Context): number {
  const { args, host, words, json } = context;
  const run = runNamed(host, args.operands[0]!, "any");
  const name = runName(run.record);
  const follow = args.has("follow");
  const options = { follow, ...tailOf(context) };
  if (!json) {
    readLogs(host, run, options, (stream, bytes) =>
      stream === "stdout" ? words.out(bytes) : words.err(bytes),
    );
    return 0;
  }
  const lines = { stdout: new Lines(), stderr: new Lines() };
  const tell = (stream: Stream, texts: readonly string[]): boolean =>
    texts.length === 0 || words.out(texts.map((text) => logLine(name, stream, text)).join(""));
  const end = readLogs(host, run, options, (stream, bytes) => tell(stream, lines[stream].add(bytes)));
  for (const stream of ["stdout", "stderr"] as const) tell(stream, lines[stream].end());
  if (follow && end !== undefined) words.out(logEnd(end));
  return 0;
}

function tailOf({ args }: Context): { readonly tail?: number } {
  const text = args.value("tail");
  if (text === undefined || text === "all") return {};
  if (/^\d{1,9}$/.test(text)) return { tail: Number(text) };
  throw usage(`--tail takes a number of lines, not "${text}"`, args.command);
}

/** Cuts a stream of bytes into lines of text. */
class Lines {
  readonly #decoder = new TextDecoder();
  #rest = "";

  add(bytes: Uint8Array): readonly string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop()!;
    return lines;
  }

  /** An unfinished one. */
  end(): readonly string[] {
    const rest = this.#rest + this.#decoder.decode();
    return rest === "" ? [] : [rest];
  }
}
