import type { ControlHost, ReadHost, WriteHost } from "#engine/host";
import { type AbsPath, join } from "#model/brand";
import { COMMANDS, OWN_STATUS } from "#model/commands";
import { parseDuration } from "#model/duration";
import { Failure } from "#model/diagnostic";
import { type StageName, timings } from "#model/timings";
import type { Look } from "#views/look";
import { timingsText } from "#views/timings";
import type { Args } from "./args.ts";
import { parseArgs, usage } from "./args.ts";
import type { Context, ControlCommand, ReadCommand, WriteCommand } from "./context.ts";
import { complain, isInterruption } from "./context.ts";
import * as plan from "./plan.ts";
import { refuseOthers, refuseWithoutMounts } from "./privilege.ts";

/** What the entry point offers: the process, and the ports behind it, each made only when it is asked for. */
export type Boot = {
  readonly version: string;
  readonly variable: (name: string) => string | undefined;
  /** Milliseconds since the process began. */
  now(): number;
  /** `-C`: answers the working directory. */
  chdir(to: string | undefined): string;
  terminal(color: "auto" | "always" | "never"): {
    out(text: string | Uint8Array): boolean;
    err(text: string | Uint8Array): boolean;
    ask(question: string, stop: AbortSignal): Promise<string | undefined>;
    readonly interactive: boolean;
    readonly columns: number;
    readonly color: { readonly out: boolean; readonly err: boolean };
  };
  /** Writes a file that the user named for a result. */
  save: Context["save"];
  create: Context["create"];
  schema: Context["schema"];
  probe: Context["probe"];
  readHost(settings: Settings): ReadHost;
  readonly namespaceRefused: Context["namespaceRefused"];
  /** Commands on detached runs, and the host they reach them through. */
  controlling(
    settings: Settings,
  ): Promise<{ readonly host: ControlHost; readonly commands: Readonly<Record<string, ControlCommand>> }>;
  /** Commands that change environments, and the host they do it to. */
  writing(
    settings: Settings,
  ): Promise<{ readonly host: WriteHost; readonly commands: Readonly<Record<string, WriteCommand>> }>;
};

export type Settings = {
  readonly cwd: string;
  readonly stateDir: string | undefined;
  readonly cgroupParent: AbsPath | undefined;
  readonly variables: ReadonlyMap<string, string>;
  readonly lockTimeoutMs: number;
  readonly lap: (stage: StageName) => void;
  /** As typed, for whoever finds the exclusion lock taken. */
  readonly command: string;
  /** The command's name, `run --rm` being one of its own. */
  readonly kind: string;
};

/**
 * Commands that only look are given a host that can do nothing else. The others load what they need besides; `plan` is there at once,
 * since the chunks it would share with them cost more than its code.
 */
const READ: Readonly<Record<string, () => { command: ReadCommand } | Promise<{ command: ReadCommand }>>> = {
  validate: () => import("./validate.ts"),
  plan: () => plan,
  drift: () => import("./drift.ts"),
  ls: () => import("./ls.ts"),
  show: () => import("./show.ts"),
  ps: () => import("./ps.ts"),
  logs: () => import("./logs.ts"),
  doctor: () => import("./doctor.ts"),
  init: () => import("./init.ts"),
  graph: () => import("./graph.ts"),
  schema: () => import("./schema.ts"),
  completion: () => import("./completion.ts"),
};

/** Commands on detached runs. */
const CONTROL: readonly string[] = ["exec", "kill", "rm", "stop", "wait"];

/** The whole command line; answers the exit code and never throws. */
export async function main(argv: readonly string[], boot: Boot): Promise<number> {
  // Until the line is understood, the first word that is a command; afterwards what it says.
  let name = argv.find((word) => COMMANDS.some((c) => c.name === word));
  const watch = timings(boot.now);
  watch.lap("node");
  let context: ReturnType<typeof plainContext> | undefined;
  let timed = false;
  try {
    const args = parseArgs(argv);
    name = args.command?.name;
    context = { ...plainContext(boot, argv, colorOf(args)), ...modesOf((flag) => args.has(flag)) };
    if (args.has("version")) {
      const { version } = boot;
      context.words.out(
        context.json ? (await import("#views/json")).versionJson(version) : `envctl ${version}\n`,
      );
      return 0;
    }
    if (args.has("help") || args.command === undefined) return await help(args, context);
    checkOperands(args);
    timed = args.has("timings");
    const cwd = changeDirectory(boot, args);
    const settings = { ...settingsOf(args, argv, cwd), lap: watch.lap };
    const look = { out: { ...context.look.out, cwd }, err: { ...context.look.err, cwd } } as Context["look"];
    const read = READ[args.command.name];
    if (read !== undefined) {
      const { command } = await read();
      watch.lap("load");
      return await command({ ...context, look, args, host: boot.readHost(settings) });
    }
    const all = { ...context, look, args };
    if (CONTROL.includes(name!)) {
      const { host, commands } = await boot.controlling(settings);
      await refuseOthers(host, args);
      watch.lap("load");
      return await commands[name!]!({ ...all, host });
    }
    const { host, commands } = await boot.writing(settings);
    await refuseOthers(host, args, boot.namespaceRefused);
    refuseWithoutMounts(host, args);
    watch.lap("load");
    return await commands[name!]!({ ...all, host });
  } catch (error) {
    context ??= plainContext(boot, argv);
    await complain(context, error);
    const exit = error instanceof Failure ? error.exit : 1;
    if (OWN_STATUS.includes(name ?? "")) return exit === 126 || exit === 127 ? exit : 125;
    return isInterruption(error) ? 130 : exit;
  } finally {
    watch.lap("print");
    if (timed && context !== undefined) context.words.err(timingsText(watch.all(), context.look.err));
  }
}

function changeDirectory(boot: Boot, args: Args): string {
  const to = args.value("directory");
  try {
    return boot.chdir(to);
  } catch (error) {
    // Node's message is errno, the kernel's sentence, and the call behind a comma.
    throw usage(`-C ${to}: ${(error as Error).message.split(",")[0]}`, args.command);
  }
}

async function help({ command }: Args, context: Omit<Context, "args" | "host">): Promise<number> {
  const { overview, commandHelp } = await import("#views/help");
  context.words.out(
    command === undefined ? overview(context.look.out) : commandHelp(command, context.look.out),
  );
  return 0;
}

function plainContext(
  boot: Boot,
  argv: readonly string[],
  color: "auto" | "always" | "never" = "auto",
): Omit<Context, "args" | "host"> {
  const own = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const words = boot.terminal(color);
  const locale = boot.variable("LC_ALL") || boot.variable("LC_CTYPE") || boot.variable("LANG") || "";
  const cwd = boot.chdir(undefined);
  const { columns } = words;
  const look = (color: boolean): Look => ({
    color,
    columns,
    unicode: /utf-?8/i.test(locale),
    cwd: cwd as Look["cwd"],
  });
  return {
    words,
    look: { out: look(words.color.out), err: look(words.color.err) },
    // Until the line was parsed, and for one that cannot be.
    ...modesOf((flag) => own.includes(`--${flag}`)),
    interactive: words.interactive,
    save: boot.save,
    create: boot.create,
    namespaceRefused: boot.namespaceRefused,
    schema: boot.schema,
    probe: boot.probe,
  };
}

function modesOf(has: (flag: string) => boolean): Pick<Context, "json" | "quiet" | "verbose"> {
  return { json: has("json"), quiet: has("quiet"), verbose: has("verbose") };
}

function colorOf(args: Args): "auto" | "always" | "never" {
  const value = args.value("color") ?? "auto";
  if (value === "auto" || value === "always" || value === "never") return value;
  throw usage(`--color takes auto, always or never, not "${value}"`, args.command);
}

function checkOperands(args: Args): void {
  const { command, operands, rest } = args;
  const name = command!.name;
  if (rest !== undefined && name !== "run" && name !== "exec")
    throw usage(`${name} takes no command behind --`, command);
  if (command!.takes === "word" && operands.length > 1)
    throw usage(`${name} takes one word, not ${operands.length}`, command);
  if (command!.takes === "none" && operands.length > 0) throw usage(`${name} takes no environment`, command);
  if ((command!.takes === "run" || command!.takes === "runs") && operands.length === 0)
    throw usage(`${name} wants a run`, command, "See: envctl ps");
  if (command!.takes === "run" && operands.length > 1)
    throw usage(`${name} takes one run, not ${operands.length}`, command);
  if (command!.takes === "one" && operands.length === 0) throw usage(`${name} wants an environment`, command);
  if (command!.takes === "one" && operands.length > 1)
    throw usage(`${name} takes one environment, not ${operands.length}`, command);
}

/** As `docker run` takes it: the path a process there shows in /proc/PID/cgroup. */
function cgroupParentOf(args: Args): AbsPath | undefined {
  const path = args.value("cgroup-parent");
  if (path === undefined) return undefined;
  if (path.startsWith("/") && !path.split("/").includes("..")) return join(path as AbsPath);
  const hint = "For example /user.slice/work.scope: a path as /proc/self/cgroup shows it.";
  throw usage(`--cgroup-parent takes a path from the root of the cgroups, not "${path}"`, args.command, hint);
}

function settingsOf(args: Args, argv: readonly string[], cwd: string): Omit<Settings, "lap"> {
  const timeout = args.value("lock-timeout") ?? "10s";
  const lockTimeoutMs = /^0+$/.test(timeout) ? 0 : parseDuration(timeout);
  if (lockTimeoutMs === undefined)
    throw usage(
      `--lock-timeout takes a duration, not "${timeout}"`,
      args.command,
      "For example 30s, 500ms or 2m.",
    );
  const variables = args.values("var").map((text): [string, string] => {
    const equals = text.indexOf("=");
    if (equals < 1) throw usage(`--var takes NAME=VALUE, not "${text}"`, args.command);
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
  // Values of variables may be secrets, and the lock file is for others to read.
  const command = argv
    .map((word, i) => (argv[i - 1] === "--var" || word.startsWith("--var=") ? "…" : word))
    .join(" ");
  return {
    cwd,
    stateDir: args.value("state-dir"),
    cgroupParent: cgroupParentOf(args),
    variables: new Map(variables),
    lockTimeoutMs,
    command,
    kind: `${args.command?.name ?? ""}${args.has("rm") ? " --rm" : ""}`,
  };
}
