// The pages a user reads: generated halves are fresh, links lead somewhere, nothing that exists is left out.
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "#model/commands";
import { docs } from "../../scripts/docs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

for (const [path, text] of docs()) {
  test(`${relative(root, path)} is what \`npm run docs\` writes`, () => {
    assert.equal(readFileSync(path, "utf8"), text);
  });
}

/** The anchors of a page, as GitHub makes them of headings. */
function anchors(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title);
  return new Set(
    headings.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    ),
  );
}

for (const page of globSync(["*.md", "docs/**/*.md"], { cwd: root })) {
  test(`every link of ${page} leads somewhere`, () => {
    const text = read(page).replace(/^```.*?^```$/gms, "");
    for (const [, link = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      assert.ok(existsSync(join(root, target)), `${link}: there is no ${target}`);
      if (anchor === undefined) continue;
      assert.ok(
        statSync(join(root, target)).isFile() && anchors(read(target)).has(anchor),
        `${link}: no such heading`,
      );
    }
  });
}

test("the README names every command, every option of one, and every schema", () => {
  const readme = read("README.md");
  for (const { name, flags } of COMMANDS) {
    assert.match(readme, new RegExp(`^\\|.*\`${name}[ \`]`, "m"), `no row for ${name}`);
    for (const flag of flags)
      assert.ok(
        readme.includes(`-${flag.name}`) ||
          readme.includes(`-${flag.short} `) ||
          readme.includes(`[-${flag.short}]`),
        `${name}: nothing of --${flag.name}`,
      );
  }
  for (const schema of globSync("schemas/*.json", { cwd: root }))
    assert.ok(readme.includes(`(${schema})`), schema);
});

test("speeds that the README compares are those of docs/performance.md", () => {
  const row = /^\| `\/bin\/true` in a fresh sandbox.*$/m.exec(read("README.md"))![0];
  const speeds = [...row.matchAll(/([\d.]+) ×/g)].map(([, times = ""]) => times);
  assert.equal(speeds.length, 4);
  const said = read("docs/performance.md");
  for (const times of speeds)
    assert.match(said, new RegExp(`\\b${times.replace(".", "\\.")}\\b`), `${times} ×`);
});
