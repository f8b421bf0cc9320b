/** The command line, once: the parser, the help pages and later the completion all read this table. */

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
  /** What follows the name: `[ENV…]`. */
  readonly synopsis: string;
  readonly summary: string;
  /** A paragraph or two for its own page. */
  readonly about: string;
  readonly flags: readonly Flag[];
  readonly examples: readonly (readonly [command: string, what: string])[];
  /**
   * `none`, `one`, `many` environments; `run`: a detached run, `runs`: at least one; `word`: at most one word of its own. `run` and `exec`
   * also take a command behind `--`.
   */
  readonly takes: "none" | "one" | "many" | "run" | "runs" | "word";
  /** What that word may be, where it is one of a few. */
  readonly words?: readonly string[];
};

/** How commands on runs are told which. */
const RUN = "RUN is ENV/N, or ENV while only one of its runs is running, else for the last one.";

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
  "error",
];

export const SHELLS: readonly string[] = ["bash", "zsh", "fish"];

export const COMMANDS: readonly Command[] = [
  {
    name: "init",
    synopsis: "[NAME]",
    summary: "write a commented environment file to start from",
    about:
      "Writes envs/NAME.yaml, named after the working directory where no name is given. Its rootfs is ./rootfs where that exists, else the host's own root, read-only. Never overwrites a file.",
    flags: [],
    examples: [
      ["envctl init", "envs/DIRECTORY.yaml"],
      ["envctl init web-tests", "envs/web-tests.yaml"],
    ],
    takes: "word",
  },
  {
    name: "validate",
    synopsis: "[ENV…]",
    summary: "check environment files; touches nothing",
    about: "Reads files and holds them against this host. Every mistake of all files is reported at once.",
    flags: [],
    examples: [
      ["envctl validate", "every file in ./envs"],
      ["envctl validate ci/web.yaml", "one file"],
    ],
    takes: "many",
  },
  {
    name: "plan",
    synopsis: "[ENV…]",
    summary: "show what apply would change, and why",
    about:
      "Compares each file with what the kernel holds. Makes no mutating system call and creates nothing.",
    flags: [
      { name: "out", value: "FILE", summary: "save the plan, for apply --plan (0600)" },
      { name: "destroy", summary: "plan the destruction instead" },
      { name: "detailed-exitcode", summary: "exit 2 where something would change" },
    ],
    examples: [
      ["envctl plan", "every file in ./envs"],
      ["envctl plan web-tests --detailed-exitcode", "0: as declared, 2: differs"],
    ],
    takes: "many",
  },
  {
    name: "apply",
    synopsis: "[ENV… | --plan FILE]",
    summary: "make it so: overlay, volumes, limits",
    about:
      "Shows the plan, asks, and carries it out. When a step fails, what was there before is put back, or with --on-error keep what succeeded stays.",
    flags: [
      YES,
      {
        name: "plan",
        value: "FILE",
        summary: "carry out a saved plan, once, and only while all it was made from still holds",
      },
      { name: "on-error", value: "rollback|keep", summary: "what to do with what succeeded (rollback)" },
    ],
    examples: [
      ["envctl apply web-tests", "asks first"],
      ["envctl apply -y", "every file in ./envs, without a question"],
    ],
    takes: "many",
  },
  {
    name: "destroy",
    synopsis: "[ENV…]",
    summary: "take it away, and nothing else",
    about:
      "Works from the record, whatever became of the file. The environment's own processes are stopped; anybody else inside stops destroy (exit 5) before anything is changed.",
    flags: [
      YES,
      { name: "all", summary: "everything this state directory holds" },
      { name: "orphans", summary: "environments whose file is gone" },
      { name: "keep-upper", summary: "leave the writable layer for the next apply" },
      { name: "force-lazy", summary: "detach mounts that are held (MNT_DETACH)" },
    ],
    examples: [
      ["envctl destroy web-tests", "says what is deleted, asks"],
      ["envctl destroy --orphans -y", "clean up after deleted files"],
    ],
    takes: "many",
  },
  {
    name: "run",
    synopsis: "[--rm] [-d] ENV [-- CMD…]",
    summary: "run the entry, or a command, inside",
    about:
      "Applies first what only creates or updates. With --rm in a throwaway instance: same layers and volumes, fresh writable layer, gone afterwards whatever happens. " +
      "The exit status is the command's own; envctl's failures are 125, not executable 126, not found 127. " +
      "With -d it goes on by itself, without a terminal, and its name is printed: web-tests/1. Its output is kept for logs, its status for ps and wait, until rm; " +
      "with --rm until the first command after its end that changes anything.",
    flags: [
      { name: "detach", short: "d", summary: "leave it running; print its name" },
      { name: "rm", summary: "in a throwaway instance" },
      { name: "keep-on-failure", summary: "with --rm: keep the instance when the command fails" },
      {
        name: "tty",
        short: "t",
        summary: "a terminal of its own; without -i and -t, where standard input and output are one",
      },
      { name: "interactive", short: "i", summary: "standard input as it is, and no terminal without -t" },
      { ...YES, summary: "apply also what replaces or deletes" },
    ],
    examples: [
      ["envctl run web-tests", "the entry of the file"],
      ["envctl run --rm web-tests -- sh", "a shell that leaves nothing behind"],
      ["envctl run -d web-tests", "web-tests/1, in the background"],
    ],
    takes: "one",
  },
  {
    name: "ps",
    synopsis: "[ENV…]",
    summary: "detached runs, and how they stand or ended",
    about: "One line a run, of these environments or of all. With -q names alone.",
    flags: [{ name: "running", summary: "only those that are running" }],
    examples: [
      ["envctl ps", "all of this host"],
      ["envctl rm $(envctl ps -q web-tests)", "what is kept of an environment's runs"],
    ],
    takes: "many",
  },
  {
    name: "logs",
    synopsis: "RUN",
    summary: "what a detached run has printed",
    about: "Its standard output to standard output, its standard error to standard error. " + RUN,
    flags: [
      { name: "follow", short: "f", summary: "go on until the run ends" },
      { name: "tail", short: "n", value: "N", summary: "only the last N lines of each of the two" },
    ],
    examples: [
      ["envctl logs web-tests", "all of it"],
      ["envctl logs -f --tail 10 web-tests/2", "the last lines, and what comes"],
    ],
    takes: "run",
  },
  {
    name: "exec",
    synopsis: "RUN [-- CMD…]",
    summary: "run a command beside a detached run",
    about:
      "As the run's user, in its namespaces, cgroups, environment and working directory, with its capabilities; without a command sh. " +
      "The exit status is the command's own; envctl's failures are 125, not executable 126, not found 127. " +
      RUN,
    flags: [],
    examples: [
      ["envctl exec web-tests -- ps", "what runs in there"],
      ["envctl exec web-tests", "a shell"],
    ],
    takes: "run",
  },
  {
    name: "stop",
    synopsis: "RUN…",
    summary: "end detached runs: SIGTERM, then SIGKILL",
    about:
      "SIGTERM to the entry, which may end by itself; what is left after the time goes by SIGKILL, all of it. The status stays until rm. " +
      RUN,
    flags: [{ name: "time", short: "t", value: "TIME", summary: "how long to wait before SIGKILL (10s)" }],
    examples: [
      ["envctl stop web-tests", "the one that is running"],
      ["envctl stop --time 0 web-tests/1 web-tests/2", "at once"],
    ],
    takes: "runs",
  },
  {
    name: "kill",
    synopsis: "RUN…",
    summary: "send a signal to the entry of detached runs",
    about:
      "PID 1 inside gets what it has a handler for; where it has none and the signal would have ended it, it ends, and the status says by what. " +
      RUN,
    flags: [{ name: "signal", short: "s", value: "SIGNAL", summary: "by name or number (KILL)" }],
    examples: [
      ["envctl kill --signal HUP web-tests", "reload"],
      ["envctl kill web-tests/2", "end it now"],
    ],
    takes: "runs",
  },
  {
    name: "wait",
    synopsis: "RUN…",
    summary: "wait until detached runs end; exit as they did",
    about:
      "Prints each exit status: the entry's own, 128 + n for one that signal n ended. Exits with the first that is not 0; 125 where a run was lost. " +
      RUN,
    flags: [],
    examples: [["envctl wait web-tests", "its exit status"]],
    takes: "runs",
  },
  {
    name: "rm",
    synopsis: "RUN…",
    summary: "forget detached runs that ended: status and output",
    about:
      "An environment's name means all of its runs that ended. One that is running is refused, or ended first with -f.",
    flags: [{ name: "force", short: "f", summary: "end what is running (SIGKILL)" }],
    examples: [
      ["envctl rm web-tests/1", "one"],
      ["envctl rm web-tests", "all that ended"],
    ],
    takes: "runs",
  },
  {
    name: "drift",
    synopsis: "[ENV…]",
    summary: "find what changed behind envctl's back",
    about:
      "Holds the records against the kernel: what is missing, changed, stacked or not ours, and what was left over. Every finding comes with its fix. Exit 2 where there is any.",
    flags: [],
    examples: [["envctl drift", "everything on this host"]],
    takes: "many",
  },
  {
    name: "ls",
    synopsis: "",
    summary: "what this host holds",
    about: "One line an environment.",
    flags: [],
    examples: [["envctl ls", ""]],
    takes: "none",
  },
  {
    name: "show",
    synopsis: "ENV",
    summary: "one environment in full",
    about: "Its layers, directories, volumes, limits with what is in use now, and entry.",
    flags: [],
    examples: [["envctl show web-tests", ""]],
    takes: "one",
  },
  {
    name: "doctor",
    synopsis: "",
    summary: "what this host can do, and what to do about each no",
    about:
      "Asks the kernel and the host, changing nothing. What is degraded envctl does without, and says how. Exit 1 only where nothing can work.",
    flags: [],
    examples: [["envctl doctor", ""]],
    takes: "none",
  },
  {
    name: "graph",
    synopsis: "ENV",
    summary: "picture of its layers, mounts and limits",
    about:
      "From the file; from the record where the file is gone. As text, as a Mermaid flowchart to paste into a Markdown page, or as an SVG image.",
    flags: [{ name: "format", value: "text|mermaid|svg", summary: "how to draw it (text)" }],
    examples: [
      ["envctl graph web-tests", "a tree"],
      ["envctl graph web-tests --format svg > web-tests.svg", "an image"],
    ],
    takes: "one",
  },
  {
    name: "schema",
    synopsis: "[FORMAT]",
    summary: "JSON Schema of environment files and of every output",
    about: `FORMAT is one of ${SCHEMAS.join(", ")}; without one it is env, the environment file.`,
    flags: [],
    examples: [
      ["envctl schema > env.schema.json", "for an editor"],
      ["envctl schema plan", "of plan --json"],
    ],
    takes: "word",
    words: SCHEMAS,
  },
  {
    name: "completion",
    synopsis: "SHELL",
    summary: "completion for bash, zsh or fish",
    about:
      "Prints a script that completes commands, options and the environments of this directory and this host. Loaded once, it follows whatever envctl is on the PATH.",
    flags: [],
    examples: [
      ["envctl completion bash > /etc/bash_completion.d/envctl", "for everybody"],
      ["envctl completion fish > ~/.config/fish/completions/envctl.fish", "for oneself"],
    ],
    takes: "word",
    words: SHELLS,
  },
];
