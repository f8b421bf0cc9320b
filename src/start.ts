// What the command starts: it loads the parts of the bundle, with the bytecode of an earlier run where there is some (code-cache.ts).
import { readFileSync } from "node:fs";
import { keepCode, openCode, type Build } from "./code-cache.ts";
import type * as cli from "./cli.ts";
import { enterNamespace } from "./rootless.ts";
import { likelyState } from "./state-dir.ts";

/** Of all parts, by scripts/build.ts. */
declare const DIGEST: string;

type Exports = Record<string, unknown>;

/** What a part is: a function expression in a file of its own. `here` is that file, for what it loads that is no part. */
type Part = (load: (name: string) => Exports, module: { exports: Exports }, here: string) => void;

enterNamespace(import.meta.filename);

const { Script } = process.getBuiltinModule("node:vm");
const build: Build = { name: `code-${process.version}-${process.arch}`, digest: DIGEST };
/** Node's own switch for its own cache (cli.html). */
const off = process.env["NODE_DISABLE_COMPILE_CACHE"] === "1";
const code = off ? undefined : openCode(likelyState(process.argv.slice(2), process.env), build);
const modules = new Map<string, { exports: Exports }>();
const scripts = new Map<string, InstanceType<typeof Script>>();

/** As require() does it: a part that is asked for while it loads answers with what it exports so far. */
function load(specifier: string): Exports {
  // An import() of Node's own.
  if (specifier.startsWith("node:")) return process.getBuiltinModule(specifier) as Exports;
  const name = specifier.slice("./".length);
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  const filename = `${import.meta.dirname}/parts/${name}`;
  const cachedData = code?.of(name);
  // V8 compiles what it does not accept.
  const script = new Script(
    readFileSync(filename, "utf8"),
    cachedData === undefined ? { filename } : { filename, cachedData },
  );
  scripts.set(name, script);
  (script.runInThisContext() as Part)(load, module, filename);
  return module.exports;
}

const { main } = load("./cli.js") as typeof cli;
void main((state, command) => {
  if (!off) keepCode(state, build, command, scripts);
});
