// A part of the bundle, which esbuild writes as an ES module, as a function of `require`, `module` and `here`.
//
// esbuild's own CommonJS keeps every binding live: a getter for each export, copied by each part that imports any. Those of the part that
// all commands load are four hundred, 2 ms and half of what V8 has room for before it collects garbage. Nothing here is assigned after it
// was exported (the linter sees to it), so plain properties do.
import { transformSync, type TransformOptions } from "esbuild";

const IMPORT = /^import(?:\{([^}]*)\}from)?"(\.\/[^"]+)";/;
const EXPORT = /export\{([^}]*)\};\s*$/;

/** `a as b` of an import or export as `a:b`, or the other way round. */
function properties(names: string, swap: boolean): string {
  const pairs = names.split(",").map((name) => name.split(" as "));
  return pairs.map((pair) => (swap ? pair.toReversed() : pair).join(":")).join(",");
}

/** `options` are those the part was bundled with. */
export function asFunction(text: string, options: TransformOptions): string {
  let head = "";
  let rest = text;
  for (let found = IMPORT.exec(rest); found !== null; found = IMPORT.exec(rest)) {
    const [statement, names, from] = found as unknown as [string, string | undefined, string];
    head += `${names === undefined ? "" : `const{${properties(names, false)}}=`}require("${from}");`;
    rest = rest.slice(statement.length);
  }
  const names = EXPORT.exec(rest)?.[1];
  const { code } = transformSync(rest.replace(EXPORT, ""), {
    ...options,
    // Names of the exports stay as they are, and so does what nothing here but they use.
    minify: false,
    minifyWhitespace: true,
    treeShaking: false,
    format: "cjs",
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "here" },
  });
  const tail = names === undefined ? "" : `module.exports={${properties(names, true)}};`;
  return `(function(require,module,here){${head}${code}${tail}\n})`;
}
