import assert from "node:assert/strict";
import test from "node:test";
import type { SpecPath } from "#model/spec";
import { fixture, HEAD, read } from "./support.ts";

/** The characters a path leads to. */
function found(text: string, path: SpecPath, fileName = "web-tests.yaml"): string {
  const { span, text: line } = read(text, { A: "x" }, fileName).locate(path);
  assert.equal(line, text.split("\n")[span.line - 1]);
  return `${span.line}: ${[...line].slice(span.column - 1, span.column - 1 + span.length).join("")}`;
}

test("every declared value is found by the file's own keys", () => {
  const text = fixture("full");
  const at = (...path: SpecPath): string => found(text, path, "full.yaml");
  assert.equal(at("name"), "3: full");
  assert.equal(at("rootfs"), "5: ../rootfs");
  assert.equal(at("rootfs", "dir"), "5: ../rootfs");
  assert.equal(at("lowers", 0), "7: ../layers/tools");
  assert.equal(at("lowers", 1), "8: ../layers/node.tar.zst");
  assert.equal(at("overlay", "upper", "tmpfs"), "10: 512MiB");
  assert.equal(at("overlay", "options", "xino"), "11: auto");
  assert.equal(at("volumes", 0), "13: ../src:/work:ro");
  assert.equal(at("volumes", 0, "source"), "13: ../src");
  assert.equal(at("volumes", 0, "target"), "13: /work");
  assert.equal(at("volumes", 1, "source"), "14: ../cache");
  assert.equal(at("volumes", 1, "owner"), "14: caller");
  assert.equal(at("tmpfs", 0, "target"), "16: /tmp");
  assert.equal(at("limits", "cpuset"), "20: 0-1");
  assert.equal(at("entry", "env", "T"), '27: "${A}"');
  assert.equal(at("entry", "ready", "tcp"), "34: 8080");
  assert.equal(at("entry", "command", 1), "26: test");
});

test("what the file leaves out leads to what is around it", () => {
  const text = `${HEAD}limits: { pids: 3 }\nentry:\n  init: true\n`;
  assert.equal(found(text, ["limits", "memory"]), "4: { pids: 3 }");
  assert.equal(found(text, ["entry", "ready", "tcp"]), "6: init");
  assert.equal(found(text, ["volumes", 3, "source"]), "1: version");
  assert.equal(found("", ["name"]), "1: ");
});

test("parts of a substituted volume lead to the whole, as the file writes no parts", () => {
  assert.equal(
    found(`${HEAD}volumes:\n  - \${A}/src:/work\n`, ["volumes", 0, "source"]),
    "5: ${A}/src:/work",
  );
});

test("an env list is found by name, an aliased value at the alias", () => {
  assert.equal(found(`${HEAD}entry: { env: [CI=1, TOKEN] }\n`, ["entry", "env", "TOKEN"]), "4: TOKEN");
  assert.equal(found(`x-m: &m 1G\n${HEAD}limits: { memory: *m }\n`, ["limits", "memory"]), "5: *m");
});

test("places are known of a file that has mistakes elsewhere", () => {
  assert.equal(found(`${HEAD}lower: 1\nlimits: { pids: 3 }\n`, ["limits", "pids"]), "5: 3");
});
