// Bundles src/cli.ts into dist/: what every command needs in one file, and another for everything behind an import().
import { chmodSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild";
import { builtins } from "./builtins.ts";
import { asFunction } from "./functions.ts";
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

const WRITE = ["write", "kernel/linux/files", "kernel/linux/relay"].map((name) => `src/${name}.ts`);

/** Parts that share code: those of commands that only look, and those of commands that change things. */
const GROUPS = [
  [
    ...["completion", "doctor", "drift", "graph", "init", "logs", "ls", "ps", "show", "validate"].map(
      (name) => `src/commands/${name}.ts`,
    ),
    ...["diagnostics", "json", "json-plan", "plan"].map((name) => `src/views/${name}.ts`),
    ...["obstacles", "rules", "saved", "unrecorded"].map((name) => `src/engine/${name}.ts`),
  ],
  WRITE,
  // The first group with a file is that file's: these have the others for companions, and those do without them.
  [
    ...WRITE,
    ...["control", "commands/detach", "kernel/linux/probe", "views/run", "views/ready"].map(
      (name) => `src/${name}.ts`,
    ),
  ],
];

/** What both passes do to a text. Without keepNames, with short identifiers: fewer bytes to scan, 3 % of plan. */
const options = {
  platform: "node",
  target: "node22.18",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
} as const satisfies BuildOptions;

/** esbuild shares code between parts in ES modules only: they are bundled as such, then turned into functions. Answers their digest. */
async function bundleParts(): Promise<string> {
  const { metafile, outputFiles } = await build({
    ...options,
    entryPoints: { cli: "src/cli.ts" },
    outdir: "dist/parts",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    // Brings a .node file of its own, which cannot be bundled.
    external: ["koffi"],
    plugins: [builtins, manifest, parts("src/cli.ts", GROUPS)],
    // Under Node yaml resolves to CommonJS, which would need require() here; this is the same code as modules.
    alias: { yaml: "./node_modules/yaml/browser/dist/index.js" },
    metafile: true,
    write: false,
  });
  writeFileSync("dist/meta.json", JSON.stringify(metafile));
  writeFileSync("dist/LICENSES.txt", licences(metafile));
  const hash = createHash("sha256");
  for (const { path, text } of outputFiles) {
    const part = asFunction(text, options);
    hash.update(part);
    writeFileSync(path, part);
  }
  return hash.digest("hex");
}

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist/parts", { recursive: true });

try {
  const digest = await bundleParts();
  await build({
    ...options,
    entryPoints: { cli: "src/start.ts" },
    outdir: "dist",
    bundle: true,
    format: "esm",
    plugins: [builtins],
    define: { DIGEST: JSON.stringify(digest) },
    banner: { js: `#!/usr/bin/env node\n${OLD_NODE}` },
  });
  chmodSync("dist/cli.js", 0o755);
} catch {
  process.exitCode = 1; // esbuild has said why
}
