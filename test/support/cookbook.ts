// Runs the console examples of a Markdown page as a reader would, and holds what they print against what the page shows.
//
// A section is a heading with what stands below it. In it a fenced block is a file when its first line is a comment with a path in it
// (`# envs/web.yaml`), and a session when its language is `console`: lines with `$ ` are typed, what follows them is expected.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CLI, type Project } from "./project.ts";

/** `line` is that of the page where what is expected begins, counted from 0. */
export type Typed = {
  readonly command: string;
  readonly exit: number;
  readonly expected: readonly string[];
  readonly line: number;
};
export type Session = { readonly kind: "session"; readonly typed: readonly Typed[] };
export type Written = { readonly kind: "file"; readonly path: string; readonly text: string };
export type Block = Session | Written;
export type Section = { readonly title: string; readonly blocks: readonly Block[] };

/** Every section that has something to run or to write. */
export function sections(markdown: string): readonly Section[] {
  const found: { title: string; blocks: Block[] }[] = [];
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const title = /^#+ (.+)$/.exec(lines[i]!)?.[1];
    if (title !== undefined) found.push({ title, blocks: [] });
    const language = /^```(\w*)$/.exec(lines[i]!)?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", i + 1);
    const body = lines.slice(i + 1, end);
    const block = language === "console" ? session(body, i + 1) : file(body);
    if (block !== undefined) found.at(-1)!.blocks.push(block);
    i = end;
  }
  return found.filter(({ blocks }) => blocks.length > 0);
}

function file(body: readonly string[]): Written | undefined {
  const path = /^# ([\w.-]+(?:\/[\w.-]+)+)\b/.exec(body[0] ?? "")?.[1];
  return path === undefined ? undefined : { kind: "file", path, text: `${body.join("\n")}\n` };
}

/** A command goes on in lines that begin with `> `, and `# exit N` at its end says how it ends, if not with 0. */
function session(body: readonly string[], start: number): Session {
  const typed: { command: string; expected: string[]; line: number }[] = [];
  for (const [i, line] of body.entries()) {
    const last = typed.at(-1);
    if (line.startsWith("$ ")) typed.push({ command: line.slice(2), expected: [], line: start + i + 1 });
    else if (last === undefined) throw new Error(`a session begins with "$ ", not with ${line}`);
    else if (line.startsWith("> ") && last.expected.length === 0) {
      last.command += `\n${line.slice(2)}`;
      last.line++;
    } else last.expected.push(line);
  }
  return {
    kind: "session",
    typed: typed.map((t) => ({ ...t, exit: Number(/# exit (\d+)$/.exec(t.command)?.[1] ?? 0) })),
  };
}

/** The places a page speaks of. */
const STATE = "/var/lib/envctl";
const HOME = "/home/ana/shop";

export type Answer = { readonly code: number; readonly lines: readonly string[] };

/** Types a session into one shell that stands in the project, `envctl` being the built command; answers in the order of the commands. */
export function type(p: Project, { typed }: Session): readonly Answer[] {
  const bin = join(p.dir, ".shell");
  mkdirSync(bin, { recursive: true });
  const place = (text: string): string => text.replaceAll(STATE, p.state).replaceAll(HOME, p.dir);
  writeFileSync(join(bin, "envctl"), `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`, { mode: 0o755 });
  const script = typed.map(
    ({ command }, i) => `{ ${place(command)}\n} >${bin}/out.${i} 2>&1\necho $? >${bin}/code.${i}`,
  );
  writeFileSync(join(bin, "script"), script.join("\n"));
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env["PATH"]}`,
    ENVCTL_STATE_DIR: p.state,
    NO_COLOR: "1",
    LC_ALL: "C.UTF-8",
    COLUMNS: "80",
  };
  const { error } = spawnSync("/bin/sh", [join(bin, "script")], {
    cwd: p.dir,
    env,
    stdio: "ignore",
    timeout: 60_000,
  });
  if (error !== undefined) throw error;
  return typed.map((_, i) => {
    const text = readFileSync(join(bin, `out.${i}`), "utf8")
      .replaceAll(p.state, STATE)
      .replaceAll(p.dir, HOME);
    const lines = text.split("\n");
    return {
      code: Number(readFileSync(join(bin, `code.${i}`), "utf8")),
      lines: lines.at(-1) === "" ? lines.slice(0, -1) : lines,
    };
  });
}

/** What may differ from one run to the next: ids, durations, ages, dates, process and mount ids; and so how columns are filled up or cut. */
function loose(line: string): string {
  return line
    .replace(/-[0-9a-f]{8}\b/g, "-ID")
    .replace(/\b[0-9a-f]{12,}\b/g, "DIGEST")
    .replace(/\b\d+(\.\d+)? m?s\b/g, "TIME")
    .replace(/\b\d+[smh]\b( ago)?/g, "AGE")
    .replace(/\d{4}-\d\d-\d\d[ T][\d:.]+( UTC|Z)/g, "DATE")
    .replace(/\b(mount|pid) \d+/g, "$1 N")
    .replace(/^\s+\d+(?= {2}\w)|(?<=^\S+ +running +AGE +)\d+/, "PID")
    .replace(/\s+/g, " ")
    .replace(/(?<=\S )\S+…$/, "…")
    .trim();
}

/**
 * What is the same on hosts that have the same things: an environment has a cgroup a controller on v1, where pids counts its processes
 * whether it is limited or not, and one for all on v2.
 */
function comparable(lines: readonly string[]): readonly string[] {
  const CGROUP = /^(✔ \w+ cgroup)((?:,? \w+)*)$/;
  const all: string[] = [];
  for (const line of trimmed(lines).map(loose)) {
    const [, verb, names = ""] = CGROUP.exec(line) ?? [];
    const before = verb === undefined ? undefined : CGROUP.exec(all.at(-1) ?? "");
    if (verb === undefined) all.push(line);
    else {
      const others = before?.[1] === verb ? all.pop()!.slice(verb.length) : "";
      const controllers = `${others} ${names}`
        .split(/[ ,]+/)
        .filter((name) => name !== "" && name !== "pids");
      all.push([verb, controllers.join(", ")].join(" ").trim());
    }
  }
  return all;
}

/** Where the page and the machine part; undefined when nowhere. A line `…` of the page stands for any number of lines. */
export function difference(expected: readonly string[], actual: readonly string[]): string | undefined {
  const [wanted, got] = [comparable(expected), comparable(actual)];
  if (sameWords(wanted, got)) return undefined;
  let at = 0;
  for (const [i, line] of wanted.entries()) {
    if (line === "…") {
      const next = wanted[i + 1];
      const found = next === undefined ? got.length : got.indexOf(next, at);
      if (found < 0) return `expected: ${next}`;
      at = found;
    } else if (line !== got[at++]) return `expected: ${line}\nactual:   ${got[at - 1] ?? "(end)"}`;
  }
  return at < got.length ? `not expected: ${got[at]}` : undefined;
}

/** A path of this run may be longer than the page's, so that its line is broken elsewhere. */
function sameWords(wanted: readonly string[], got: readonly string[]): boolean {
  const literal = (line: string): string => line.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = wanted.map((line) => (line === "…" ? "[^]*" : literal(line))).join(" ?");
  return new RegExp(`^${pattern}$`).test(got.join(" "));
}

function trimmed(lines: readonly string[]): readonly string[] {
  const from = lines.findIndex((line) => line.trim() !== "");
  const to = lines.findLastIndex((line) => line.trim() !== "");
  return from < 0 ? [] : lines.slice(from, to + 1);
}
