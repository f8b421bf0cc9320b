// How the bundle falls into parts: what every command needs is one file, and each `import()` leads to one more.
//
// esbuild makes a chunk for each set of entries that share code, and every `import()` is an entry: a dozen small files on the way of
// `plan`, each a twentieth of an empty program. Here each of those entries imports the first one too, so that all of its code is
// shared by the same set: by all. Parts of one group import each other as well: what they share with each other is one file, not one
// for each pair.
import { resolve } from "node:path";
import type { Plugin } from "esbuild";

const NAMESPACE = "part";

/** `entry` must not await anything at its top level: what it imports later waits for the end of it. Paths are from here. */
export function parts(entry: string, groups: readonly (readonly string[])[]): Plugin {
  const companions = (path: string): readonly string[] => {
    const group = groups.find((files) => files.some((file) => resolve(file) === path)) ?? [];
    return [entry, ...group].map((file) => `import ${JSON.stringify(resolve(file))};`);
  };
  return {
    name: "parts",
    setup(build) {
      build.onResolve({ filter: /^[#.]/ }, async ({ path, kind, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const found = await build.resolve(path, { kind: "import-statement", resolveDir });
        return { path: found.path, namespace: NAMESPACE, errors: found.errors };
      });
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
        contents: [...companions(path), `export * from ${JSON.stringify(path)};`].join("\n"),
        resolveDir: ".",
      }));
    },
  };
}
