// Regenerates every golden file: runs the suite with the switch that makes golden() write.
if (process.env["CI"]) {
  process.stderr.write("Golden files are reviewed by a person: not regenerated while CI is set.\n");
  process.exit(1);
}
process.env["ENVCTL_UPDATE_GOLDEN"] = "1";
await import("./test.ts");
