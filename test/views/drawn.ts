// Environments to be drawn.
import type { Picture } from "#model/stack-picture";
import { resultOf } from "#plan/lower";
import * as f from "./fixtures.ts";
import { first } from "./plans.ts";

export const drawn: Picture = {
  id: first.id,
  name: first.name,
  file: first.file,
  from: "file",
  resources: first.kind === "ready" ? resultOf(first) : [],
  command: ["sh", "-c", 'make test && echo "done <ok>"'],
};

/** Names chosen by somebody who wishes to be markup. */
export const awkwardly: Picture = {
  ...drawn,
  from: "record",
  resources: [
    ...drawn.resources.filter((r) => r.kind === "rootfs" || r.kind === "overlay"),
    f.volume('/a"]<b>&amp;', "../x\n\u001b[31my-->"),
    f.tmpfs("/half"),
  ],
};
