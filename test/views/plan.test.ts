import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { Action, Because } from "#model/plan";
import { planJson } from "#views/json-plan";
import { planText } from "#views/plan";
import { REASONS, reasonText } from "#views/reasons";
import * as f from "./fixtures.ts";

const OPS = ["create", "update", "replace", "delete", "keep"] as const;
const BECAUSE = Object.keys(REASONS) as Because[];

/** Any action on a volume at any place. */
const anyAction = fc
  .record({
    op: fc.constantFrom(...OPS),
    because: fc.constantFrom(...BECAUSE),
    at: fc.stringMatching(/^[a-z]{1,30}$/),
  })
  .map(({ op, because, at }): Action => {
    const after = f.volume(`/${at}`, `../${at}`);
    const subject = { address: after.address, kind: after.kind };
    if (op === "keep") return { ...subject, op, after };
    if (op === "create") return { ...subject, op, because, after };
    if (op === "delete") return { ...subject, op, because, before: after };
    return { ...subject, op, because, before: after, after, changes: [] };
  });

test("the sum, the legend and the symbols say what the actions do", () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyAction, { maxLength: 6 }), { minLength: 1, maxLength: 3 }), (all) => {
      const text = planText(
        all.map((actions) => f.plan(actions)),
        f.LOOK,
      );
      const n = (op: Action["op"]): number => all.flat().filter((a) => a.op === op).length;
      const symbols = { create: "+", update: "~", replace: "-/+", delete: "-" };
      const drawn = text.split("\n");
      for (const [op, symbol] of Object.entries(symbols)) {
        assert.equal(
          drawn.filter((l) => l.startsWith(`  ${symbol.padEnd(4)}volume`)).length,
          n(op as Action["op"]),
          text,
        );
      }
      if (n("keep") === all.flat().length)
        return assert.match(text, /No changes\. .* (is|are) as declared\.\n$/);
      const sum = `Plan: ${n("create")} to create, ${n("update")} to update, ${n("replace")} to replace, ${n("delete")} to delete, ${n("keep")} unchanged.`;
      assert.equal(drawn.at(-2), sum);
      const legends = drawn.filter((l) => l.startsWith("  Planned")).join(" ");
      const words = {
        create: "+ create",
        update: "~ update in place",
        replace: "-/+ replace",
        delete: "- delete",
      };
      for (const [op, word] of Object.entries(words))
        assert.equal(legends.includes(word), n(op as Action["op"]) > 0, text);
    }),
  );
});

test("every reason has words, and what already says it is not repeated", () => {
  const replace = (because: Because): Action => ({
    op: "replace",
    because,
    address: f.work.address,
    kind: "volume",
    before: f.work,
    after: f.work,
    changes: [],
  });
  const plan = f.plan([f.keep(f.overlay([]))]);
  for (const because of BECAUSE.filter(
    (b) => !["requested", "rebooted", "dependency_replaced"].includes(b),
  )) {
    assert.equal(reasonText(replace(because), plan), REASONS[because]);
    assert.match(REASONS[because], /^[a-z][a-z ]+$/);
  }
  assert.equal(reasonText(replace("dependency_replaced"), plan), "the mount it lies in changes");
  assert.equal(reasonText(replace("dependency_replaced"), f.picture), "overlay is replaced");
  assert.equal(reasonText(f.create(f.work), plan), "");
  assert.equal(reasonText(f.remove(f.work, "not_declared"), plan), "no longer declared");
});

test("a path outside the working directory is shown in full, one below it as it is typed", () => {
  assert.match(
    planText([f.picture], { ...f.LOOK, cwd: f.path("/elsewhere") }),
    /^web-tests  \/home\/ana\/shop\/envs\/web-tests\.yaml  /,
  );
  assert.match(
    planText([f.picture], { ...f.LOOK, cwd: f.path("/home/ana/shop/envs") }),
    /^web-tests  web-tests\.yaml  /,
  );
  assert.match(planText([f.picture], { ...f.LOOK, cwd: f.path("/") }), /^web-tests  \/home\//);
});

test("names that others chose cannot steer the terminal", () => {
  const evil = "x\u001b]0;title\u0007\u001b[2J";
  const holder = { ...f.holders[0]!, command: `${evil}\n\n`, holds: `file ${evil}`, user: evil };
  const text = planText(
    [
      f.blocked(
        f.plan([f.create(f.volume(`/${evil}`, evil))]),
        [holder],
        [{ ...f.foreign, point: f.path(`/${evil}`) }],
      ),
    ],
    f.LOOK,
  );
  assert.doesNotMatch(text, f.CONTROLS);
});

test("what memory is in use is said where there is any", () => {
  const using = (bytes: string): string => {
    const cgroups = f.inUse.cgroups.map((group) => ({ ...group, memoryUse: bytes }));
    return planText([{ ...f.picture, observed: { ...f.inUse, cgroups } }], f.LOOK);
  };
  assert.match(using("4096"), /256 MiB → 512 MiB +in use now: 4 KiB\n/);
  assert.doesNotMatch(using("0"), /in use/);
});

test("an upper is new, kept or deleted, and nothing else is claimed", () => {
  const upper = (plan: Parameters<typeof f.plan>): string | undefined =>
    /^ +upper +(.*)$/m.exec(planText([f.plan(...plan)], f.LOOK))?.[1]?.replace(/ {2,}/, ": ");
  const used = f.observed({ upperUsed: true });
  assert.equal(upper([[f.create(f.overlay([]))]]), "new, on disk");
  assert.equal(
    upper([[f.create(f.overlay([], { upper: { kind: "tmpfs", bytes: "1024" } }))]]),
    "new, on tmpfs of 1 KiB",
  );
  assert.equal(upper([[f.create(f.overlay([], { upper: { kind: "none" } }))]]), "none (read-only)");
  assert.equal(upper([[f.create(f.overlay([]))], { observed: used }]), "kept: holds changes");
  assert.equal(
    upper([[f.remove(f.overlay([]))], { observed: used, intent: "destroy" }]),
    "deleted: holds changes",
  );
  assert.equal(upper([[f.remove(f.overlay([]))], { intent: "destroy" }]), "deleted: nothing written yet");
  assert.equal(
    upper([[f.remove(f.overlay([]))], { intent: "destroy", keepUpper: true, observed: used }]),
    "kept: holds changes",
  );
  assert.equal(
    upper([[f.remove(f.overlay([], { upper: { kind: "none" } }))], { intent: "destroy" }]),
    undefined,
  );
});

type Told = {
  readonly envs: readonly {
    readonly actions: readonly { readonly address: string; readonly op: string }[];
  }[];
  readonly summary: Readonly<Record<string, number>>;
};

test("text and JSON tell the same changes in the same order, and the same sum", () => {
  const symbols: Readonly<Record<string, string>> = {
    "+": "create",
    "~": "update",
    "-/+": "replace",
    "-": "delete",
  };
  fc.assert(
    fc.property(fc.array(fc.array(anyAction, { maxLength: 6 }), { minLength: 1, maxLength: 3 }), (all) => {
      const plans = all.map((actions) => f.plan(actions));
      const text = planText(plans, f.LOOK);
      const told = JSON.parse(planJson(plans)) as Told;
      const drawn = [...text.matchAll(/^ {2}(\+|~|-\/\+|-) +(volume\["[^"]*"\])/gm)].map(
        ([, symbol, address]) => `${symbols[symbol!]} web-tests.${address}`,
      );
      const listed = told.envs.flatMap(({ actions }) =>
        actions.flatMap(({ op, address }) => (op === "keep" ? [] : [`${op} ${address}`])),
      );
      assert.deepEqual(drawn, listed);
      const sum =
        /^Plan: (\d+) to create, (\d+) to update, (\d+) to replace, (\d+) to delete, (\d+) un/m.exec(text);
      const { create, update, replace, delete: gone, keep } = told.summary;
      if (sum === null) assert.equal(create! + update! + replace! + gone!, 0);
      else assert.deepEqual(sum.slice(1).map(Number), [create, update, replace, gone, keep]);
    }),
  );
});
