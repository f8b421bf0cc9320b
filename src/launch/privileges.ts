import type { AbsPath } from "#model/brand";
import { capabilitiesOf, holds, type Capabilities } from "#model/capabilities";
import { failure } from "#model/diagnostic";
import type { Entry } from "#model/spec";
import type { Reader } from "#ports/reader";

/**
 * What an entry may do on this host: the same for a run and for whatever joins it. @throws Failure 125 where the file adds a capability
 * that envctl itself does not have
 */
export function privilegesOf(
  reader: Pick<Reader, "textAny">,
  entry: Pick<Entry, "capabilities" | "network">,
): Capabilities {
  const status = reader.textAny("/proc/self/status" as AbsPath);
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  const held = mask === undefined ? -1n : BigInt(`0x${mask}`);
  const missing = entry.capabilities.add.filter((name) => name !== "ALL" && !holds(held, name));
  if (missing.length > 0) {
    const names = missing.map((name) => `CAP_${name}`).join(", ");
    throw failure(125, "refused", `cannot add ${names}: envctl does not have it here itself`, {
      hint: "take it out of entry.capabilities.add, or start envctl with it (in a container: --cap-add)",
    });
  }
  return capabilitiesOf(entry, held);
}
