// Node's own modules in the bundle, without what `import` of them costs at start-up.
//
// A static import of node:fs asks for every export, and so for fs.promises, whose getter loads streams, readline and twenty more
// modules: 5 ms of an empty program's 25. process.getBuiltinModule (22.3) takes the module as it is.
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import type { Plugin } from "esbuild";

/** Loaded by Node itself before any program: taking functions out of it costs nothing. */
const PRELOADED: ReadonlySet<string> = new Set(["node:fs"]);

/** A module of Node's exports without its getters. What is not preloaded is loaded by the first call; it offers functions only. */
function source(name: string): string {
  const found = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(name) as object));
  const names = found.flatMap(([key, { value }]) =>
    /^[a-z]\w*$/.test(key) && value !== undefined && (PRELOADED.has(name) || typeof value === "function")
      ? [key]
      : [],
  );
  const load = `process.getBuiltinModule(${JSON.stringify(name)})`;
  if (PRELOADED.has(name)) return `export const { ${names.join(", ")} } = ${load};`;
  return names.map((key) => `export const ${key} = (...args) => ${load}.${key}(...args);`).join("\n");
}

export const builtins: Plugin = {
  name: "builtins",
  setup(build) {
    // Packages make classes of Node's, which the functions of source() are not; src/start.ts knows builtins by their prefix.
    build.onResolve({ filter: /^[a-z][\w:/]*$/ }, ({ path, importer }) =>
      isBuiltin(path) && importer.includes("/node_modules/")
        ? { path: path.replace(/^(node:)?/, "node:"), external: true }
        : undefined,
    );
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "import-statement" && isBuiltin(path)
        ? { path, namespace: "builtin", sideEffects: false }
        : undefined,
    );
    // What listr2 loads late sits behind an import() with it: parts of their own would take helpers out of the part all commands load.
    build.onLoad({ filter: /\/listr2\/dist\/index\.mjs$/ }, ({ path }) => {
      const late: string[] = [];
      const text = readFileSync(path, "utf8").replace(/await import\("([\w-]+)"\)/g, (_, name: string) => {
        late.push(`import * as late${late.length} from ${JSON.stringify(name)};`);
        return `late${late.length - 1}`;
      });
      return { contents: [...late, text].join("\n") };
    });
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: source(path),
      loader: "js",
    }));
  },
};
