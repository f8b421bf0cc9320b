import type { Diagnostic } from "#model/diagnostic";
import type { Draft, Spec, SpecPath } from "#model/spec";
import { environment } from "./environment.ts";
import type { Lookup } from "./expand.ts";
import { spotter, type Range, type Spot } from "./lines.ts";
import type { Problem } from "./problem.ts";
import type { Job } from "./shape.ts";
import { grow } from "./tree.ts";

export type Source = {
  readonly text: string;
  /** As people are shown it. */
  readonly file: string;
  /** The last component, which `name` must equal (less .yaml or .yml). */
  readonly fileName: string;
  readonly variables: Lookup;
};

export type Parsed = {
  /** Absent where there are errors. */
  readonly spec?: Spec;
  /** What could be read, errors or not. */
  readonly draft: Draft;
  /** In the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
  /** Names of the variables the file asks for, sorted. */
  readonly variables: readonly string[];
  /**
   * Where a part of the file is written, by the file's own keys: `["limits", "cpuset"]`, `["volumes", 0, "source"]` (in the short form
   * too), `["entry", "env", NAME]`, `["rootfs"]` for a source's value. What the file leaves out is answered with what is around it.
   */
  readonly locate: (path: SpecPath) => Spot;
};

/** Reads an environment file. Everything that is wrong with it is reported at once; nothing is thrown. */
export function parse(input: Source): Parsed {
  const text = input.text.replace(/^\uFEFF/, "");
  const spot = spotter(text);
  const places = new Map<string, Range>();
  const values = new Map<string, unknown>();
  const used = new Set<string>();
  const problems: Problem[] = [];
  const job: Job = {
    report: (problem) => void problems.push(problem),
    lookup(name) {
      used.add(name);
      return input.variables(name);
    },
    mark: (path, range) => void places.set(JSON.stringify(path), range),
    keep: (path, value) => void values.set(JSON.stringify(path), value),
    lineOf: (range) => spot(range).span.line,
    name: input.fileName.replace(/\.ya?ml$/, ""),
    targets: new Map(),
  };

  const tree = grow(text);
  problems.push(...tree.problems);
  const spec = tree.root && environment.read(tree.root, { job, path: [] });
  if (tree.root === undefined && problems.length === 0)
    job.report({
      range: [0, 0],
      code: "yaml",
      summary: "an empty file",
      detail: "write version: 1, a name and a rootfs; or see envctl init",
    });

  const diagnostics = distinct(problems).map(({ range, ...said }): Diagnostic => ({
    severity: "error",
    ...said,
    file: input.file,
    ...spot(range),
  }));
  return {
    ...(spec === undefined || diagnostics.length > 0 ? {} : { spec }),
    draft: spec ?? draftOf(values, places),
    diagnostics,
    variables: [...used].toSorted(),
    locate(path) {
      for (let length = path.length; length > 0; length--) {
        const range = places.get(JSON.stringify(path.slice(0, length)));
        if (range !== undefined) return spot(range);
      }
      return spot(tree.root?.range ?? [0, 0]);
    },
  };
}

/** Parts that were read although others beside them were wrong. */
function draftOf(values: ReadonlyMap<string, unknown>, places: ReadonlyMap<string, Range>): Draft {
  const value = (path: SpecPath): unknown => values.get(JSON.stringify(path));
  const items = (key: string): unknown[] => {
    const out: unknown[] = [];
    while (places.has(JSON.stringify([key, out.length]))) out.push(value([key, out.length]));
    return out;
  };
  const limits = ["cpuset", "cpuset_mems"].flatMap((key) => {
    const list = value(["limits", key]);
    return list === undefined ? [] : [[key, list]];
  });
  const rootfs = value(["rootfs"]) as Draft["rootfs"];
  const entry = value(["entry"]) as Draft["entry"];
  return {
    ...(rootfs === undefined ? {} : { rootfs }),
    ...(entry === undefined ? {} : { entry }),
    lowers: items("lowers") as Draft["lowers"],
    volumes: items("volumes") as Draft["volumes"],
    tmpfs: items("tmpfs") as Draft["tmpfs"],
    limits: Object.fromEntries(limits) as Draft["limits"],
  };
}

/** Sorted by place, and once: what is aliased is read at each alias. */
function distinct(problems: readonly Problem[]): readonly Problem[] {
  const byText = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...byText.values()].toSorted((a, b) => a.range[0] - b.range[0]);
}
