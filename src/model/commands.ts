/** The command line, once: the parser, the help pages and the completion all read this table. What only a page says is in pages.ts. */

export type Flag = {
  readonly name: string;
  readonly short?: string;
  /** Takes a value, shown as this word. */
  readonly value?: string;
  readonly summary: string;
  /** May be repeated. */
  readonly multiple?: true;
};

export type Command = {
  readonly name: string;
  readonly flags: readonly Flag[];
  /**
   * `none`, `one`, `many` environments; `run`: a detached run, `runs`: at least one; `word`: at most one word of its own. `run` and `exec`
   * also take a command behind `--`.
   */
  readonly takes: "none" | "one" | "many" | "run" | "runs" | "word";
  /** What that word may be, where it is one of a few. */
  readonly words?: readonly string[];
};

const TERMINAL: readonly Flag[] = [
  {
    name: "tty",
    short: "t",
    summary: "a terminal of its own; without -i and -t, where standard input and output are one",
  },
  { name: "interactive", short: "i", summary: "standard input as it is, and no terminal without -t" },
];

const YES: Flag = { name: "yes", short: "y", summary: "do not ask" };

export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: "directory", short: "C", value: "DIR", summary: "change to this directory first" },
  { name: "state-dir", value: "DIR", summary: "where environments live (ENVCTL_STATE_DIR; /var/lib/envctl)" },
  { name: "cgroup-parent", value: "PATH", summary: "make cgroups in this one, not at the root" },
  {
    name: "var",
    value: "NAME=VALUE",
    summary: "a variable for the files; before the environment's own",
    multiple: true,
  },
  { name: "lock-timeout", value: "TIME", summary: "how long to wait for another envctl (10s)" },
  { name: "json", summary: "one JSON object, or one a line" },
  { name: "color", value: "auto|always|never", summary: "colours (NO_COLOR)" },
  { name: "quiet", short: "q", summary: "results and errors only" },
  { name: "verbose", short: "v", summary: "every step and system call that failed" },
  { name: "timings", summary: "how long each stage took" },
  { name: "version", summary: "print the version" },
  { name: "help", short: "h", summary: "this page; after a command its own" },
];

/** The machine-readable formats that have a schema, and `env`, the environment file. */
export const SCHEMAS: readonly string[] = [
  "env",
  "plan",
  "apply",
  "destroy",
  "drift",
  "ls",
  "show",
  "ps",
  "logs",
  "validate",
  "doctor",
  "init",
  "graph",
  "version",
  "error",
];

/** Commands whose exit status is that of what they run, or wait for: a failure of envctl's own is told from it by 125. */
export const OWN_STATUS: readonly string[] = ["run", "exec", "wait"];

export const SHELLS: readonly string[] = ["bash", "zsh", "fish"];

export const COMMANDS: readonly Command[] = [
  {
    name: "init",
    flags: [],
    takes: "word",
  },
  {
    name: "validate",
    flags: [],
    takes: "many",
  },
  {
    name: "plan",
    flags: [
      { name: "out", value: "FILE", summary: "save the plan, for apply --plan (0600)" },
      { name: "destroy", summary: "plan the destruction instead" },
      { name: "detailed-exitcode", summary: "exit 2 where something would change" },
    ],
    takes: "many",
  },
  {
    name: "apply",
    flags: [
      YES,
      {
        name: "plan",
        value: "FILE",
        summary: "carry out a saved plan, once, and only while all it was made from still holds",
      },
      { name: "on-error", value: "rollback|keep", summary: "what to do with what succeeded (rollback)" },
    ],
    takes: "many",
  },
  {
    name: "destroy",
    flags: [
      YES,
      { name: "all", summary: "everything this state directory holds" },
      { name: "orphans", summary: "environments whose file is gone" },
      { name: "keep-upper", summary: "leave the writable layer for the next apply" },
      { name: "force-lazy", summary: "detach mounts that are held (MNT_DETACH)" },
    ],
    takes: "many",
  },
  {
    name: "run",
    flags: [
      { name: "detach", short: "d", summary: "leave it running; print its name" },
      { name: "wait", summary: "with -d: return once it is ready (entry.ready)" },
      { name: "rm", summary: "in a throwaway instance" },
      { name: "keep-on-failure", summary: "with --rm: keep the instance when the command fails" },
      {
        name: "strict-limits",
        summary: "as an ordinary user: refuse to run where a limit does not hold",
      },
      ...TERMINAL,
      { ...YES, summary: "apply also what replaces or deletes" },
    ],
    takes: "one",
  },
  {
    name: "ps",
    flags: [{ name: "running", summary: "only those that are running" }],
    takes: "many",
  },
  {
    name: "logs",
    flags: [
      { name: "follow", short: "f", summary: "go on until the run ends" },
      { name: "tail", short: "n", value: "N", summary: "only the last N lines of each of the two" },
    ],
    takes: "run",
  },
  {
    name: "exec",
    flags: TERMINAL,
    takes: "run",
  },
  {
    name: "stop",
    flags: [{ name: "time", short: "t", value: "TIME", summary: "how long to wait before SIGKILL (10s)" }],
    takes: "runs",
  },
  {
    name: "kill",
    flags: [{ name: "signal", short: "s", value: "SIGNAL", summary: "by name or number (KILL)" }],
    takes: "runs",
  },
  {
    name: "wait",
    flags: [],
    takes: "runs",
  },
  {
    name: "rm",
    flags: [{ name: "force", short: "f", summary: "end what is running (SIGKILL)" }],
    takes: "runs",
  },
  {
    name: "drift",
    flags: [],
    takes: "many",
  },
  {
    name: "ls",
    flags: [],
    takes: "none",
  },
  {
    name: "show",
    flags: [],
    takes: "one",
  },
  {
    name: "doctor",
    flags: [],
    takes: "none",
  },
  {
    name: "graph",
    flags: [{ name: "format", value: "text|mermaid|svg", summary: "how to draw it (text)" }],
    takes: "one",
  },
  {
    name: "schema",
    flags: [],
    takes: "word",
    words: SCHEMAS,
  },
  {
    name: "completion",
    flags: [],
    takes: "word",
    words: SHELLS,
  },
];
