import { main, type Boot, type Settings } from "#commands/main";
import { linuxClock } from "#kernel/clock";
import { linuxReader } from "#kernel/reader";
import { linuxTerminal } from "#kernel/terminal";
import manifest from "#package/manifest" with { type: "json" };

const { version } = manifest;

type ReadHost = ReturnType<Boot["readHost"]>;

const variable = (name: string): string | undefined => process.env[name];
const reader = linuxReader({ uid: process.geteuid?.() ?? 0, pid: process.pid });
const isatty = (fd: number): boolean => process.getBuiltinModule("node:tty").isatty(fd);
const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** A command that only looks is given a Reader and nothing that writes. */
function readHost({ cwd, stateDir, variables }: Settings): ReadHost {
  return {
    reader,
    clock: linuxClock(),
    variable: (name) => variables.get(name) ?? variable(name),
    version,
    cwd: cwd as ReadHost["cwd"],
    state: absolute(cwd, stateDir ?? variable("ENVCTL_STATE_DIR") ?? defaultState()),
  };
}

async function writeHost(settings: Settings): ReturnType<Boot["writeHost"]> {
  const [{ linuxMounts }, { linuxFiles }, { linuxCgroups }, { linuxLaunch }] = await Promise.all([
    import("#kernel/mounts"),
    import("#kernel/files"),
    import("#kernel/cgroups"),
    import("#kernel/launch"),
  ]);
  let stop = false;
  let deliver: ((signal: string) => void) | undefined;
  for (const signal of signals) {
    process.on(signal, () => (deliver === undefined ? (stop = true) : deliver(signal)));
  }
  return {
    ...readHost(settings),
    mounts: linuxMounts(),
    files: linuxFiles(),
    cgroups: linuxCgroups(),
    launch: linuxLaunch({ onChild: (wake) => process.on("SIGCHLD", wake) }),
    lockTimeoutMs: settings.lockTimeoutMs,
    command: settings.command,
    terminal: isatty(0) && isatty(1),
    interrupted: () => stop,
    onSignal: (handler) => {
      deliver = handler;
      return () => (deliver = undefined);
    },
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

/** In a working directory that was deleted nothing can be found or made by a relative path; absolute ones go on working. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/proc/self/cwd";
  }
}

function defaultState(): string {
  if (process.geteuid?.() === 0) return "/var/lib/envctl";
  return `${variable("XDG_STATE_HOME") ?? `${variable("HOME") ?? "/"}/.local/state`}/envctl`;
}

function absolute(cwd: string, path: string): ReadHost["state"] {
  return (path.startsWith("/") ? path : `${cwd}/${path}`).replace(/\/+$/, "") as ReadHost["state"];
}

process.exitCode = await main(process.argv.slice(2), {
  version,
  variable,
  chdir: (to) => {
    if (to !== undefined) process.chdir(to);
    return workingDirectory();
  },
  terminal: (color) =>
    linuxTerminal({
      color,
      variable,
      isatty,
      stdin: () => process.stdin,
      columns: () => process.stderr.columns ?? process.stdout.columns,
    }),
  readHost,
  writeHost,
});
