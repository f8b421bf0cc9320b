// Node's own modules in the bundle, without what `import` of them costs at start-up.
//
// A static import of node:fs asks for every export, and so for fs.promises, whose getter loads streams, readline and twenty more
// modules: 5 ms of an empty program's 25. process.getBuiltinModule (22.3) takes the module as it is.
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
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "import-statement" && isBuiltin(path)
        ? { path, namespace: "builtin", sideEffects: false }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: source(path),
      loader: "js",
    }));
  },
};
