// Bundles src/cli.ts into dist/: one small entry, and a chunk for everything behind a dynamic import.
import { chmodSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist", { recursive: true });

const { metafile } = await build({
  entryPoints: { cli: "src/cli.ts" },
  outdir: "dist",
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22.18",
  external: ["koffi"],
  keepNames: true,
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  banner: { js: "#!/usr/bin/env node" },
  metafile: true,
  logLevel: "warning",
});

writeFileSync("dist/meta.json", JSON.stringify(metafile));
chmodSync("dist/cli.js", 0o755);
