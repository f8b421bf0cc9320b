import { shownName } from "#model/identity";
import type { Action, Plan } from "#model/plan";
import { formatBytes } from "#model/size";
import type { StepEvent } from "#model/step";
import { paint, type Paint } from "./ansi.ts";
import { diagnosticsOf } from "./diagnostics.ts";
import { errnoText } from "./errno.ts";
import { symbols, type Look } from "./look.ts";
import { linesOf, seen, type Line } from "./steps.ts";
import { inert, noted, pad, width } from "./text.ts";

/** Turns the events of one plan's execution into lines; an event that nobody needs to see gives "". */
export type Progress = {
  readonly head: string;
  line(event: StepEvent): string;
  /** What the line of a step says that is still at work, in the columns of the one that follows: `… 31 % of 3.1 MiB`. */
  moving(event: Extract<StepEvent, { event: "step_progress" }>): string;
};

/** `verbose` shows the small steps too: directories, records, groups. */
export function progress(given: Plan, look: Look, verbose: boolean = false): Progress {
  const plan = inert(given);
  const p = paint(look.color);
  const objects = Math.max(16, ...plan.actions.map((a) => width(objectOf(a)))) + 2;
  const print = (mark: string, line: Line, style = p.dim): string => {
    const left = `  ${mark} ${pad(line.verb, 7)}  ${pad(line.object, objects)}`;
    return `${noted(left.trimEnd(), line.note, width(left), look.columns, style).join("\n")}\n`;
  };
  return {
    head: `${p.bold(shownName(plan))}\n`,
    moving: ({ step, done, total }) => {
      const [line] = linesOf(step, plan);
      const percent = total === 0 ? 100 : Math.min(100, Math.floor((100 * done) / total));
      return `${pad(line!.verb, 7)}  ${pad(line!.object, objects)}${percent} % of ${formatBytes(total)}`;
    },
    line: (event) => eventLine(inert(event), plan, look, p, print, verbose),
  };
}

function eventLine(
  event: StepEvent,
  plan: Plan,
  look: Look,
  p: Paint,
  print: (mark: string, line: Line, style?: (text: string) => string) => string,
  verbose: boolean,
): string {
  const { ok, failed, skipped } = symbols(look);
  const visible = verbose || seen(event.step, plan);
  const [first, ...more] = linesOf(event.step, plan);
  switch (event.event) {
    case "step_start":
    case "step_progress":
    case "undo_start":
      return "";
    case "step_done": {
      if (!visible) return "";
      const detail = event.detail === undefined || event.step.do === "stack" ? "" : event.detail;
      const note = [first!.note, detail].filter((part) => part !== "").join(", ");
      return [{ ...first!, note }, ...more].map((line) => print(p.green(ok), line)).join("");
    }
    case "step_failed":
      return print(p.red(failed), { ...first!, note: briefly(event.error) }, p.red);
    case "step_skipped":
      return visible
        ? [first!, ...more]
            .map((line) => print(p.dim(skipped), { ...line, note: `skipped: ${event.why}` }))
            .join("")
        : "";
    case "undo_done":
      return visible
        ? print(p.green(ok), {
            verb: "undo",
            object: `${first!.verb} ${first!.object}${andMore(more.length)}`,
            note: "",
          })
        : "";
    case "undo_failed":
      return print(
        p.red(failed),
        { verb: "undo", object: `${first!.verb} ${first!.object}`, note: briefly(event.error) },
        p.red,
      );
  }
}

const andMore = (n: number): string => (n === 0 ? "" : ` and ${n} inside`);

function briefly(error: unknown): string {
  const [first] = inert(diagnosticsOf(error));
  if (first === undefined) return "";
  return first.errno === undefined ? first.summary : errnoText(first.errno);
}

function objectOf(action: Action): string {
  const resource = action.op === "delete" ? action.before : action.after;
  if (resource.kind === "volume" || resource.kind === "tmpfs") return resource.target;
  return resource.kind === "limit" ? resource.name : resource.kind;
}
