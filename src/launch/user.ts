import { failure } from "#model/diagnostic";
import type { UserIds } from "#model/launch";
import { findUser } from "#model/user";

/** Who an entry is, as `findUser` says. @throws Failure 125, no_user */
export function resolveUser(...asked: Parameters<typeof findUser>): UserIds {
  const found = findUser(...asked);
  if (!("why" in found)) return found;
  const { summary, why, hint } = found;
  throw failure(125, "no_user", `${summary}: ${why}`, { hint });
}
