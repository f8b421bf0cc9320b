import assert from "node:assert/strict";
import test from "node:test";
import { COMMANDS, GLOBAL_FLAGS } from "#model/commands";
import { pageOf } from "#model/pages";
import { commandHelp, overview } from "#views/help";
import { width } from "#views/text";
import { LOOK } from "./fixtures.ts";

test("every command and option of the table is on a page, with what it does", () => {
  const flat = (text: string): string => text.replace(/\s+/g, " ");
  const front = flat(overview(LOOK));
  for (const c of COMMANDS) assert.ok(front.includes(`${c.name} ${pageOf(c.name).summary}`), c.name);
  for (const f of GLOBAL_FLAGS) assert.ok(front.includes(`--${f.name}`) && front.includes(f.summary), f.name);
  for (const c of COMMANDS) {
    const page = flat(commandHelp(c, LOOK));
    assert.ok(page.includes(flat(pageOf(c.name).about)) && page.includes(pageOf(c.name).synopsis), c.name);
    for (const f of c.flags)
      assert.ok(page.includes(`--${f.name}`) && page.includes(f.summary), `${c.name} --${f.name}`);
    for (const [example] of pageOf(c.name).examples) assert.ok(page.includes(example), example);
  }
});

test("examples name commands and options that exist", () => {
  for (const [example] of COMMANDS.flatMap((c) => pageOf(c.name).examples)) {
    const [program, name, ...words] = example.split(" -- ")[0]!.split(" ");
    const command = COMMANDS.find((c) => c.name === name);
    assert.ok(program === "envctl" && command !== undefined, example);
    const known = [...command.flags, ...GLOBAL_FLAGS].flatMap((f) => [`--${f.name}`, `-${f.short}`]);
    for (const word of words.filter((w) => w.startsWith("-"))) assert.ok(known.includes(word), example);
  }
});

test("pages fit into the terminal", () => {
  for (const columns of [80, 100, 160]) {
    for (const page of [
      overview({ ...LOOK, columns }),
      ...COMMANDS.map((c) => commandHelp(c, { ...LOOK, columns })),
    ]) {
      for (const line of page.split("\n")) assert.ok(width(line) <= columns, line);
    }
  }
});
