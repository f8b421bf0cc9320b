// A terminal as a user has one: what is written into it is looked at cell by cell.
import { createRequire } from "node:module";
import { spawn } from "@lydell/node-pty";
import type * as headless from "@xterm/headless";
import { CLI, type Project, type RunOptions } from "./project.ts";
import { NODE, slow } from "./slow.ts";

// A CommonJS bundle whose names no import sees.
const { Terminal } = createRequire(import.meta.url)("@xterm/headless") as typeof headless;

const COLOURS: Readonly<Record<number, string>> = { 1: "red", 2: "green", 3: "yellow", 6: "cyan" };

/** Neighbouring cells of one style: `bold web-tests`, `red ✘`. */
export type Styled = { readonly row: number; readonly style: string; readonly text: string };

export type Screen = {
  /** Lines as they are seen, blanks at their ends and empty ones after the last cut off. */
  readonly rows: readonly string[];
  /** Lines that were too long, so that the terminal broke them. */
  readonly broken: readonly number[];
  /** Everything that is not in the terminal's own style. */
  readonly styled: readonly Styled[];
  /** DEC private modes that were switched and not switched back, such as 25 for a hidden cursor. */
  readonly left: readonly number[];
  /** Whether what is written next would have a style. */
  readonly stained: boolean;
};

class Emulator {
  readonly #terminal: headless.Terminal;
  readonly #modes = new Map<number, boolean>();
  constructor(columns: number, rows: number) {
    this.#terminal = new Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 10_000 });
    for (const [final, on] of [
      ["h", true],
      ["l", false],
    ] as const) {
      this.#terminal.parser.registerCsiHandler({ prefix: "?", final }, (params) => {
        for (const mode of params.flat()) this.#modes.set(mode, on);
        return false;
      });
    }
  }

  write(text: string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  async look(): Promise<Screen> {
    const { active } = this.#terminal.buffer;
    const rows: string[] = [];
    const broken = new Set<number>();
    const styled: { row: number; style: string; text: string }[] = [];
    for (let i = 0; i < active.length; i++) {
      const line = active.getLine(i)!;
      const goesOn = line.isWrapped && rows.length > 0;
      if (goesOn) broken.add(rows.length - 1);
      rows.push((goesOn ? rows.pop()! : "") + line.translateToString(true));
      for (const run of runs(line)) {
        const before = styled.at(-1);
        const same = goesOn && run.at === 0 && before?.row === rows.length - 1 && before.style === run.style;
        if (same) before.text += run.text;
        else styled.push({ row: rows.length - 1, style: run.style, text: run.text });
      }
    }
    // The cursor is visible at first, every other mode off.
    const left = [...this.#modes].flatMap(([mode, on]) => (on === (mode === 25) ? [] : [mode]));
    const at = active.baseY + active.cursorY;
    await this.write("x");
    const stained = runs(active.getLine(at)!).some(({ text }) => text.endsWith("x"));
    const last = rows.findLastIndex((row) => row !== "");
    return { rows: rows.slice(0, last + 1), broken: [...broken], styled, left, stained };
  }
}

/** Neighbouring cells of one style; `at` is the column of the first. */
function runs(line: headless.IBufferLine): readonly { at: number; style: string; text: string }[] {
  const found: { at: number; style: string; text: string }[] = [];
  for (let x = 0, before = ""; x < line.length; x++) {
    const cell = line.getCell(x)!;
    const style = styleOf(cell);
    if (style !== "" && style === before) found.at(-1)!.text += cell.getChars() || " ";
    else if (style !== "") found.push({ at: x, style, text: cell.getChars() || " " });
    before = style;
  }
  return found;
}

function styleOf(cell: headless.IBufferCell): string {
  const colour = cell.isFgDefault() ? [] : [COLOURS[cell.getFgColor()] ?? `colour ${cell.getFgColor()}`];
  return [...(cell.isBold() ? ["bold"] : []), ...(cell.isDim() ? ["dim"] : []), ...colour].join(" ");
}

/** How a text looks in a terminal. */
export async function drawn(text: string, columns: number): Promise<Screen> {
  const emulator = new Emulator(columns, 200);
  await emulator.write(text.replaceAll("\n", "\r\n"));
  return emulator.look();
}

export type Played = Screen & {
  readonly code: number;
  /** Everything that was written, escape sequences and all. */
  readonly raw: string;
  /** stty(1) before and after: echo, line editing, signals. */
  readonly settings: readonly [before: string, after: string];
};

/** When this is on the screen, the keys are typed. */
export type Keys = readonly [when: RegExp, keys: string];

/** Runs the built command in a terminal of its own; `keys` are typed one after the other. */
export async function play(
  p: Project,
  args: readonly string[],
  options: RunOptions & {
    readonly columns?: number;
    readonly color?: boolean;
    readonly keys?: readonly Keys[];
  } = {},
): Promise<Played> {
  const { columns = 80, color = true, keys = [] } = options;
  const emulator = new Emulator(columns, 60);
  // The shell stays through a Ctrl-C, as an interactive one does, and tells how the terminal was left.
  const script = `stty -g >"$P/before"; trap : INT; "$@"; code=$?; stty -g >"$P/after"; exit $code`;
  const inherited = Object.entries(process.env).filter(
    ([key]) => !/^(ENVCTL_|NO_COLOR$|CI$|COLUMNS$)/.test(key),
  );
  const child = spawn("/bin/sh", ["-c", script, "sh", process.execPath, CLI, ...args], {
    cols: columns,
    rows: 60,
    cwd: p.dir,
    env: {
      ...(Object.fromEntries(inherited) as Record<string, string>),
      ...NODE,
      P: p.dir,
      TERM: "xterm-256color",
      LC_ALL: "C.UTF-8",
      ENVCTL_STATE_DIR: p.state,
      ...(color ? {} : { NO_COLOR: "1" }),
      ...options.env,
    },
  });
  const waiting = [...keys];
  let raw = "";
  let seen = 0;
  const code = await new Promise<number>((resolve, reject) => {
    const late = setTimeout(
      () => {
        child.kill("SIGKILL");
        reject(new Error(`envctl ${args.join(" ")} did not end in its terminal:\n${raw}`));
      },
      slow(options.timeout ?? 30_000),
    );
    child.onData((data) => {
      raw += data;
      const [next] = waiting;
      if (next === undefined || !next[0].test(raw.slice(seen))) return;
      waiting.shift();
      seen = raw.length;
      child.write(next[1]);
    });
    child.onExit(({ exitCode }) => {
      clearTimeout(late);
      resolve(exitCode);
    });
  });
  await emulator.write(raw);
  return { ...(await emulator.look()), code, raw, settings: [p.read("before"), p.read("after")] };
}
