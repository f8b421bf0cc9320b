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
  /** `none`, `one`, `many` environments; `word`: at most one word of its own. `run` also takes a command behind `--`. */
  readonly takes: "none" | "one" | "many" | "word";
  /** What that word may be, where it is one of a few. */
  readonly words?: readonly string[];
};

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
    synopsis: "[--rm] ENV [-- CMD…]",
    summary: "run the entry, or a command, inside",
    about:
      "Applies first what only creates or updates. With --rm in a throwaway instance: same layers and volumes, fresh writable layer, gone afterwards whatever happens. " +
      "The exit status is the command's own; envctl's failures are 125, not executable 126, not found 127.",
    flags: [
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
    ],
    takes: "one",
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
