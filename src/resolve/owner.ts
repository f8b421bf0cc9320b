import type { Issue } from "#model/facts";
import type { ShownOwner } from "#model/resource";
import type { SpecPath } from "#model/spec";
import type { Reader } from "#ports/reader";
import type { Ground } from "./ground.ts";

/**
 * Whose files a volume with `owner: caller` shows as those of the entry's user; undefined where both are one. A volume is mounted before
 * anybody can be asked who a name is.
 */
export function shownOwner(
  { rootless }: Pick<Reader, "rootless">,
  { uid, gid }: ReturnType<Ground["caller"]>,
  user: string | undefined,
  at: SpecPath,
): ShownOwner | Issue | undefined {
  const numbers = /^(\d{1,10}):(\d{1,10})$/.exec(
    user === undefined || /^(0|root)$/.test(user) ? "0:0" : user,
  );
  const refuse = (summary: string, detail: string): Issue => ({
    path: at,
    severity: "error",
    code: "refused",
    summary,
    detail,
  });
  if (numbers === null)
    return refuse(
      "owner: caller wants entry.user as numbers",
      `write it as UID:GID, such as "1000:1000", not ${JSON.stringify(user)}`,
    );
  const as = { uid: Number(numbers[1]), gid: Number(numbers[2]) };
  if (as.uid === uid && as.gid === gid) return undefined;
  if (rootless !== undefined)
    return refuse(
      "without root the caller is root inside, and nobody else",
      "leave entry.user out, or owner",
    );
  return { uid, gid, as };
}
