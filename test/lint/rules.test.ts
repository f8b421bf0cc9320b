import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, globSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { rooms } from "../../scripts/rooms.ts";
import { tempDir } from "#test/fixtures";

const root = fileURLToPath(new URL("../../", import.meta.url));
const fixtures = join(root, "test/lint/fixtures");

type Found = { file: string; line: number; text: string };

/** Lints the fixtures where the rules expect the rooms; in this repository they are ignored. */
function lint(dir: string): Found[] {
  for (const file of ["oxlint.config.ts", "package.json", "scripts/rooms.ts"])
    cpSync(join(root, file), join(dir, file));
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  cpSync(join(fixtures, "src"), join(dir, "src"), { recursive: true });
  const done = spawnSync(join(root, "node_modules/.bin/oxlint"), ["-f", "json", "src"], {
    cwd: dir,
    env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"]}` },
    encoding: "utf8",
  });
  assert.equal(done.status, 1, done.stdout + done.stderr);
  type Diagnostic = {
    message: string;
    help?: string;
    filename: string;
    labels: { span: { line: number } }[];
  };
  const { diagnostics } = JSON.parse(done.stdout) as { diagnostics: Diagnostic[] };
  return diagnostics.map(({ message, help = "", filename, labels }) => {
    return { file: filename, line: labels[0]?.span.line ?? 0, text: `${message} ${help}` };
  });
}

test("every line of the fixtures fails as it says, with the reason, and no other line does", (t) => {
  const found = lint(tempDir(t));
  for (const file of globSync("src/**/*.ts", { cwd: fixtures })) {
    const lines = readFileSync(join(fixtures, file), "utf8").split("\n");
    for (const [at, text] of lines.entries()) {
      const expected = text.split(" // expect: ")[1];
      const here = found.filter((it) => it.file === file && it.line === at + 1).map((it) => it.text);
      const place = `${file}:${at + 1} ${text}\n`;
      if (expected === undefined) assert.deepEqual(here, [], place);
      else assert.ok(here.length === 1 && here[0]?.includes(expected), place + here.join("\n"));
    }
  }
});

test("every room has a fixture", () => {
  for (const { files } of Object.values(rooms)) {
    const file = files.replace(/\*.*$/, "fixture.ts");
    assert.deepEqual(globSync(file, { cwd: fixtures }), [file]);
  }
});

test("every folder of src is a room, and every room has its alias in package.json", () => {
  const { imports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    imports: Record<string, string>;
  };
  const aliases = Object.entries(rooms).filter(([, { files }]) => files.endsWith("/**"));
  const expected = aliases.map(([name, { files }]) => [`#${name}/*`, `./${files.replace("**", "*.ts")}`]);
  const others = [
    ["#package/manifest", "./package.json"],
    ["#package/schemas/*", "./schemas/*.schema.json"],
    ["#test/*", "./test/support/*.ts"],
  ];
  assert.deepEqual(imports, Object.fromEntries([...expected, ...others]));

  const homes = aliases.map(([, { files }]) => files.replace("**", ""));
  const strays = globSync("src/**/*.ts", { cwd: root }).filter((file) => {
    return file.split("/").length > 2 && !homes.some((home) => file.startsWith(home));
  });
  assert.deepEqual(strays, []);
});

test("docs/architecture.md prints the table the rules are made from", () => {
  const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
  for (const { files, why, rooms: others, types = [], packages = [], outside } of Object.values(rooms)) {
    const place = files === "src/*.ts" ? "src/cli.ts" : files.replace("**", "");
    const words = [
      ...others,
      ...types.map((other) => `types of ${other}`),
      ...packages,
      ...(outside ? ["`node:`"] : []),
    ];
    const row = `| \`${place}\` | ${words.join(", ") || "nothing"} | ${why} |`;
    assert.ok(page.includes(`${row}\n`), `missing: ${row}`);
  }
});
