import { failure } from "#model/diagnostic";
import { container, userNamespaces } from "#observe/doctor-host";
import type { ReadHost } from "./host.ts";

/** Why an ordinary user cannot run anything here: `said` by unshare(1), undefined where there is none. */
export function noNamespace({ reader }: ReadHost, said: string | undefined): Error {
  const cause = [userNamespaces(reader), container(reader)].find(({ status }) => status !== "yes");
  const why =
    said === undefined
      ? "unshare(1) and sh are needed for it: install util-linux"
      : [cause && `${cause.name}: ${cause.found}`, said].filter(Boolean).join("; ");
  const mend = cause?.fix ?? "envctl doctor tells what this host offers";
  return failure(125, "refused", "run --rm as an ordinary user needs a user namespace", {
    detail: why,
    hint: `${mend}; or repeat it with sudo.`,
  });
}
