import assert from "node:assert/strict";
import test from "node:test";
import { golden } from "#test/golden";
import { width } from "#views/text";
import { ASCII, COLOURS, CONTROLS, looks } from "./fixtures.ts";
import { scenes } from "./scenes.ts";
import { uncut } from "./uncut.ts";

for (const [name, draw] of Object.entries(scenes)) {
  test(`${name} looks as reviewed`, () => {
    for (const [file, look] of Object.entries(looks)) golden(`views/${name}/${file}`, draw(look));
  });

  test(`${name} has the same words in colour, and none of them without`, () => {
    for (const columns of [80, 120]) {
      const plain = draw({ ...ASCII, unicode: true, columns });
      assert.equal(draw({ ...ASCII, unicode: true, columns, color: true }).replace(COLOURS, ""), plain);
      assert.doesNotMatch(plain, CONTROLS);
      assert.doesNotMatch(plain, /[ \t]+$/m, "blanks at the end of a line");
    }
  });

  test(`${name} stays in ASCII where the locale does`, () => {
    assert.match(draw(ASCII), /^[\n -~]*$/);
  });
}

for (const columns of [80, 120, 200]) {
  test(`prose and tables fit into ${columns} columns`, () => {
    for (const [name, draw] of Object.entries(scenes)) {
      for (const line of draw({ ...ASCII, unicode: true, columns }).split("\n")) {
        if (!uncut.test(line)) assert.ok(width(line) <= columns, `${name}: ${line}`);
      }
    }
  });
}
