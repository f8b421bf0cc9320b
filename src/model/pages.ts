import { SCHEMAS } from "./commands.ts";

/** What the page of a command says besides the table: apart from it, since every command reads that. */
export type Page = {
  /** What follows the name: `[ENV…]`. */
  readonly synopsis: string;
  readonly summary: string;
  /** A paragraph or two. */
  readonly about: string;
  readonly examples: readonly (readonly [command: string, what: string])[];
};

/** How commands on runs are told which. */
const RUN = "RUN is ENV/N; ENV means the only one of its runs that is running, or else the last.";

/** By the command's name. */
export const PAGES: Readonly<Record<string, Page>> = {
  init: {
    synopsis: "[NAME]",
    summary: "write a commented environment file to start from",
    about:
      "Writes envs/NAME.yaml, named after the working directory where no name is given. Its rootfs is ./rootfs where that exists, else a few programs of this host. Never overwrites a file.",
    examples: [
      ["envctl init", "envs/DIRECTORY.yaml"],
      ["envctl init web-tests", "envs/web-tests.yaml"],
    ],
  },
  validate: {
    synopsis: "[ENV…]",
    summary: "check environment files; touches nothing",
    about: "Reads files and holds them against this host. Every mistake of all files is reported at once.",
    examples: [
      ["envctl validate", "every file in ./envs"],
      ["envctl validate ci/web.yaml", "one file"],
    ],
  },
  plan: {
    synopsis: "[ENV…]",
    summary: "show what apply would change, and why",
    about:
      "Compares each file with what the kernel holds. Makes no mutating system call and creates nothing.",
    examples: [
      ["envctl plan", "every file in ./envs"],
      ["envctl plan web-tests --detailed-exitcode", "0: as declared, 2: differs"],
    ],
  },
  apply: {
    synopsis: "[ENV… | --plan FILE]",
    summary: "make it so: overlay, volumes, limits",
    about:
      "Shows the plan, asks, and carries it out. When a step fails, what was there before is put back, or with --on-error keep what succeeded stays.",
    examples: [
      ["envctl apply web-tests", "asks first"],
      ["envctl apply -y", "every file in ./envs, without a question"],
    ],
  },
  destroy: {
    synopsis: "[ENV…]",
    summary: "take it away, and nothing else",
    about:
      "Works from the record, whatever became of the file. The environment's own processes are stopped; anybody else inside stops destroy (exit 5) before anything is changed.",
    examples: [
      ["envctl destroy web-tests", "says what is deleted, asks"],
      ["envctl destroy --orphans -y", "clean up after deleted files"],
    ],
  },
  run: {
    synopsis: "[--rm] [-d [--wait]] ENV [-- CMD…]",
    summary: "run the entry, or a command, inside",
    about:
      "Applies first what only creates or updates. With --rm in a throwaway instance: same layers and volumes, fresh writable layer, gone afterwards whatever happens. " +
      "The exit status is the command's own; envctl's failures are 125, not executable 126, not found 127. " +
      "With -d it goes on by itself, without a terminal, and its name is printed: web-tests/1. Its output is kept for logs, its status for ps and wait, until rm; " +
      "with --rm until the first command after its end that changes anything. " +
      "With -d --wait it returns once entry.ready holds. Where the run ends before, or is not ready in time and goes on, that is 125; " +
      "without entry.ready having been started is enough.",
    examples: [
      ["envctl run web-tests", "the entry of the file"],
      ["envctl run --rm web-tests -- sh", "a shell that leaves nothing behind"],
      ["envctl run -d web-tests", "web-tests/1, in the background"],
      ["envctl run -d --wait web-tests", "once it is ready"],
    ],
  },
  ps: {
    synopsis: "[ENV…]",
    summary: "detached runs, and how they stand or ended",
    about: "One line a run, of these environments or of all. With -q names alone.",
    examples: [
      ["envctl ps", "all of this host"],
      ["envctl rm $(envctl ps -q web-tests)", "what is kept of an environment's runs"],
    ],
  },
  logs: {
    synopsis: "RUN",
    summary: "what a detached run has printed",
    about: "Its standard output to standard output, its standard error to standard error. " + RUN,
    examples: [
      ["envctl logs web-tests", "all of it"],
      ["envctl logs -f --tail 10 web-tests/2", "the last lines, and what comes"],
    ],
  },
  exec: {
    synopsis: "RUN [-- CMD…]",
    summary: "run a command beside a detached run",
    about:
      "As the run's user, in its namespaces, cgroups, environment and working directory, with its capabilities; without a command sh. " +
      "The exit status is the command's own; envctl's failures are 125, not executable 126, not found 127. " +
      RUN,
    examples: [
      ["envctl exec web-tests -- ps", "what runs in there"],
      ["envctl exec web-tests", "a shell, at a terminal one of its own"],
    ],
  },
  stop: {
    synopsis: "RUN…",
    summary: "end detached runs: SIGTERM, then SIGKILL",
    about:
      "SIGTERM to the entry, which may end by itself; what is left after the time goes by SIGKILL, all of it. The status stays until rm. " +
      RUN,
    examples: [
      ["envctl stop web-tests", "the one that is running"],
      ["envctl stop --time 0 web-tests/1 web-tests/2", "at once"],
    ],
  },
  kill: {
    synopsis: "RUN…",
    summary: "send a signal to the entry of detached runs",
    about:
      "PID 1 inside gets what it has a handler for; where it has none and the signal would have ended it, it ends, and the status says by what. " +
      RUN,
    examples: [
      ["envctl kill --signal HUP web-tests", "reload"],
      ["envctl kill web-tests/2", "end it now"],
    ],
  },
  wait: {
    synopsis: "RUN…",
    summary: "wait until detached runs end; exit as they did",
    about:
      "Prints each exit status: the entry's own, 128 + n for one that signal n ended. Exits with the first that is not 0; 125 where a run was lost. " +
      RUN,
    examples: [["envctl wait web-tests", "its exit status"]],
  },
  rm: {
    synopsis: "RUN…",
    summary: "forget detached runs that ended: status and output",
    about:
      "An environment's name means all of its runs that ended. One that is running is refused, or ended first with -f.",
    examples: [
      ["envctl rm web-tests/1", "one"],
      ["envctl rm web-tests", "all that ended"],
    ],
  },
  drift: {
    synopsis: "[ENV…]",
    summary: "find what changed behind envctl's back",
    about:
      "Holds the records against the kernel: what is missing, changed, stacked or not ours, and what was left over. Every finding comes with its fix. Exit 2 where there is any.",
    examples: [["envctl drift", "everything on this host"]],
  },
  ls: {
    synopsis: "",
    summary: "what this host holds",
    about: "One line an environment.",
    examples: [["envctl ls", ""]],
  },
  show: {
    synopsis: "ENV",
    summary: "one environment in full",
    about: "Its layers, directories, volumes, limits with what is in use now, and entry.",
    examples: [["envctl show web-tests", ""]],
  },
  doctor: {
    synopsis: "",
    summary: "what this host can do, and what to do about each no",
    about:
      "Asks the kernel and the host, changing nothing. What is degraded envctl does without, and says how. Exit 1 only where nothing can work.",
    examples: [["envctl doctor", ""]],
  },
  graph: {
    synopsis: "ENV",
    summary: "picture of its layers, mounts and limits",
    about:
      "From the file; from the record where the file is gone. As text, as a Mermaid flowchart to paste into a Markdown page, or as an SVG image.",
    examples: [
      ["envctl graph web-tests", "a tree"],
      ["envctl graph web-tests --format svg > web-tests.svg", "an image"],
    ],
  },
  schema: {
    synopsis: "[FORMAT]",
    summary: "JSON Schema of environment files and of every output",
    about: `FORMAT is one of ${SCHEMAS.join(", ")}; without one it is env, the environment file.`,
    examples: [
      ["envctl schema > env.schema.json", "for an editor"],
      ["envctl schema plan", "of plan --json"],
    ],
  },
  completion: {
    synopsis: "SHELL",
    summary: "completion for bash, zsh or fish",
    about:
      "Prints a script that completes commands, options and the environments of this directory and this host. Loaded once, it follows whatever envctl is on the PATH.",
    examples: [
      ["envctl completion bash > /etc/bash_completion.d/envctl", "for everybody"],
      ["envctl completion fish > ~/.config/fish/completions/envctl.fish", "for oneself"],
    ],
  },
};

/** @throws Error for a command without a page: a mistake in the table */
export function pageOf(name: string): Page {
  const page = PAGES[name];
  if (page === undefined) throw new Error(`no page for ${name}`);
  return page;
}
