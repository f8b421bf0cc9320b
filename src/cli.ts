import { main as command, type Boot, type Settings } from "#commands/main";
import { linuxClock } from "#kernel/clock";
import { linuxReader } from "#kernel/reader";
import type { Outside } from "#kernel/relay";
import { isDevice, linuxTerminal, outputLost } from "#kernel/terminal";
import manifest from "#package/manifest" with { type: "json" };
import { namespaceRefused, whoseNamespace } from "./rootless.ts";
import { defaultState } from "./state-dir.ts";

const { version } = manifest;

type ReadHost = ReturnType<Boot["readHost"]>;
type WriteHost = Awaited<ReturnType<Boot["writing"]>>["host"];
type Acting = Omit<
  Awaited<ReturnType<Boot["controlling"]>>["host"],
  "files" | "cgroups" | "join" | "signals"
>;

const variable = (name: string): string | undefined => process.env[name];
const rootless = whoseNamespace();
const refused = namespaceRefused();
const reader = linuxReader({
  uid: process.geteuid?.() ?? 0,
  pid: process.pid,
  ...(rootless && { rootless }),
});
const now = (): number => process.uptime() * 1000;
const isTerminal = (fd: number): boolean => isDevice(fd) && process.getBuiltinModule("node:tty").isatty(fd);
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** A command that only looks is given a Reader and nothing that writes. */
function readHost({ cwd, stateDir, cgroupParent, variables, lap }: Settings): ReadHost {
  return {
    reader,
    clock: linuxClock(now),
    lap,
    variable: (name) => variables.get(name) ?? variable(name),
    version,
    cwd: cwd as ReadHost["cwd"],
    state: absolute(cwd, stateDir ?? defaultState(process.env)),
    ...(cgroupParent === undefined ? {} : { cgroupParent }),
  };
}

const onChild = (wake: () => void): void => void process.on("SIGCHLD", wake);

const outside: Outside = {
  stdin: () => process.stdin,
  stdout: () => process.stdout,
  onSignal: (signal, listener) => {
    process.on(signal, listener);
    return () => process.off(signal, listener);
  },
};

async function writing(settings: Settings): ReturnType<Boot["writing"]> {
  const { commands, linuxWriters } = await import("./write.ts");
  const own = acting(settings);
  const awaitReady: WriteHost["awaitReady"] = async (run, ready) => {
    const control = await import("./control.ts");
    return control.awaitReady({ ...own, ...control.linuxControl(onChild, outside) }, run, ready);
  };
  return { host: { ...own, ...linuxWriters(rootless, onChild, outside), awaitReady }, commands };
}

async function controlling(settings: Settings): ReturnType<Boot["controlling"]> {
  const { commands, linuxControl } = await import("./control.ts");
  return { host: { ...acting(settings), ...linuxControl(onChild, outside) }, commands };
}

/** What commands that change something are given alike. */
function acting(settings: Settings): Acting {
  let stop = false;
  let deliver: ((signal: string) => void) | undefined;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (deliver !== undefined) return deliver(signal);
      stop = true;
      taken ??= signal;
    });
  }
  const host = {
    ...readHost(settings),
    lockTimeoutMs: settings.lockTimeoutMs,
    command: settings.command,
    terminal: isTerminal(0) && isTerminal(1),
    interrupted: () => stop,
    onSignal: (handler: (signal: string) => void) => {
      deliver = handler;
      return () => (deliver = undefined);
    },
    breathe: () => new Promise<void>((resolve) => setImmediate(resolve)),
  };
  changed = [host.state, settings.kind];
  return host;
}

/** In a working directory that was deleted nothing can be found or made by a relative path; absolute ones go on working. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/proc/self/cwd";
  }
}

function absolute(cwd: string, path: string): ReadHost["state"] {
  return (path.startsWith("/") ? path : `${cwd}/${path}`).replace(/\/+$/, "") as ReadHost["state"];
}

/** The first signal that nothing which runs was given. */
let taken: (typeof SIGNALS)[number] | undefined;

/** Called once a command that may change things has succeeded, with its state directory and its name. */
type KeepCode = (state: string, command: string) => void;
let changed: readonly [state: string, command: string] | undefined;

const boot: Boot = {
  version,
  variable,
  now,
  chdir: (to) => {
    if (to !== undefined) process.chdir(to);
    return workingDirectory();
  },
  terminal: (color) =>
    linuxTerminal({
      color,
      variable,
      isTerminal,
      stdin: () => process.stdin,
      columns: () => process.stderr.columns ?? process.stdout.columns,
    }),
  probe: async () => (await import("#kernel/probe")).linuxProbe(),
  save: async (path, text) => {
    const { linuxFiles } = await import("#kernel/files");
    linuxFiles().replaceFile(path, text);
  },
  create: async (path, text) => (await import("#kernel/create")).createFile(path, text),
  schema: async (name) => (await import("./schemas.ts")).schemas[name],
  readHost,
  namespaceRefused: refused,
  writing,
  controlling,
};

const numberOf = (signal: (typeof SIGNALS)[number]): number =>
  process.getBuiltinModule("node:os").constants.signals[signal];

/** The whole command; its exit code is left for Node to end with. */
export async function main(keepCode: KeepCode): Promise<void> {
  const status = await command(process.argv.slice(2), boot);
  // Commands say 130 of whatever signal stopped them.
  const code = status === 130 && taken !== undefined ? 128 + numberOf(taken) : status;
  process.exitCode = code === 0 && outputLost() ? 1 : code;
  if (code === 0 && changed !== undefined) keepCode(...changed);
}
