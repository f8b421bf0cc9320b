// Writes every golden file anew: the tests run with the switch that makes golden() write instead of compare.
if (process.env["CI"]) {
  process.stderr.write("Golden files are reviewed by a person: not regenerated while CI is set.\n");
  process.exit(1);
}
process.env["ENVCTL_UPDATE_GOLDEN"] = "1";
process.argv.splice(2, 0, "unit", "e2e");
await import("./test.ts");
