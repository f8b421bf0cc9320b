// Bundles src/cli.ts into dist/: what every command needs in one file, and another for everything behind an import().
import { chmodSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build, type Metafile, type Plugin } from "esbuild";
import { builtins } from "./builtins.ts";
import { parts } from "./parts.ts";

const { engines } = JSON.parse(readFileSync("package.json", "utf8")) as { engines: { node: string } };

/** The licences of what ended up in the bundle: their texts have to travel with it. */
function licences({ inputs }: Metafile): string {
  const dirs = Object.keys(inputs).flatMap(
    (file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [],
  );
  const parts = [...new Set(dirs)].sort().map((dir) => {
    const { name, version, license } = JSON.parse(readFileSync(`${dir}/package.json`, "utf8")) as Record<
      string,
      string
    >;
    const texts = globSync(`${dir}/{LICENSE,LICENCE,license}*`).map((file) =>
      readFileSync(file, "utf8").trim(),
    );
    return [`${name} ${version} (${license})`, ...texts].join("\n\n");
  });
  return `${parts.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

/** Older ones lack what the bundle begins with (builtins.ts), and would answer with a stack trace. */
const OLD_NODE = `if (!process.getBuiltinModule) {
  process.stderr.write("envctl needs Node ${engines.node.replace(">=", "")} or newer, and this is " + process.version + "\\n");
  process.exit(process.argv.includes("run") ? 125 : 1);
}`;

/** Of the manifest the bundle takes the version along, not every script and devDependency. */
const manifest: Plugin = {
  name: "manifest",
  setup(build) {
    build.onLoad({ filter: /\/package\.json$/ }, ({ path }) => {
      const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
      return { contents: JSON.stringify({ version }), loader: "json" };
    });
  },
};

/** Parts that share code: those of commands that only look, and those of commands that change things. */
const GROUPS = [
  [
    ...["doctor", "drift", "graph", "init", "ls", "show", "validate"].map(
      (name) => `src/commands/${name}.ts`,
    ),
    ...["diagnostics", "json", "json-plan", "plan"].map((name) => `src/views/${name}.ts`),
    ...["obstacles", "rules", "saved"].map((name) => `src/engine/${name}.ts`),
  ],
  ["src/write.ts", "src/kernel/linux/files.ts", "src/kernel/linux/probe.ts"],
];

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist", { recursive: true });

try {
  const { metafile } = await build({
    entryPoints: { cli: "src/cli.ts" },
    outdir: "dist",
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22.18",
    // Brings a .node file of its own, which cannot be bundled.
    external: ["koffi"],
    plugins: [builtins, manifest, parts("src/cli.ts", GROUPS)],
    // Under Node yaml resolves to CommonJS, which would need require() here; this is the same code as modules.
    alias: { yaml: "./node_modules/yaml/browser/dist/index.js" },
    minifyWhitespace: true,
    minifySyntax: true,
    // Fewer bytes to scan: 3 % of plan.
    minifyIdentifiers: true,
    legalComments: "none",
    banner: { js: `#!/usr/bin/env node\n${OLD_NODE}` },
    metafile: true,
    logLevel: "warning",
  });
  writeFileSync("dist/meta.json", JSON.stringify(metafile));
  writeFileSync("dist/LICENSES.txt", licences(metafile));
  chmodSync("dist/cli.js", 0o755);
} catch {
  process.exitCode = 1; // esbuild has said why
}
