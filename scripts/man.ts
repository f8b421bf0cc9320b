// Writes docs/envctl.1, the manual page, from the table of commands. A test fails when it is stale.
import { readFileSync, writeFileSync } from "node:fs";
import { manPage } from "../src/views/man.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

writeFileSync(new URL("../docs/envctl.1", import.meta.url), manPage(version));
