import type { UserIds } from "./launch.ts";

type PasswdEntry = {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
};
type GroupEntry = { readonly name: string; readonly gid: number; readonly members: readonly string[] };

/** Largest id; 2^32-1 means "unchanged" to setresuid(2). */
const MAX_ID = 4294967294;

function number(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= MAX_ID ? value : undefined;
}

/** passwd(5); lines that are none are passed over, as libc does. */
function parsePasswd(text: string): readonly PasswdEntry[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , uid, gid, , home = ""] = line.split(":");
    const ids = [number(uid), number(gid)] as const;
    return name === "" || ids[0] === undefined || ids[1] === undefined
      ? []
      : [{ name, uid: ids[0], gid: ids[1], home }];
  });
}

/** group(5). */
function parseGroup(text: string): readonly GroupEntry[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , id, members = ""] = line.split(":");
    const gid = number(id);
    return name === "" || gid === undefined
      ? []
      : [{ name, gid, members: members.split(",").filter((m) => m !== "") }];
  });
}

/** A name that stands for nobody, and why. */
export type Nobody = { readonly summary: string; readonly why: string; readonly hint: string };

/**
 * Resolves `name|uid[:group|gid]` in the text of a root's own /etc/passwd and /etc/group (undefined: it has none), as Docker does:
 * nothing means 0; a number needs no entry, and has group 0 and home `/` without one; supplementary groups are those that list the
 * user, and none where a group is given.
 */
export function findUser(
  user: string | undefined,
  passwd: string | undefined,
  group: string | undefined,
): UserIds | Nobody {
  const [wanted = "", wantedGroup] = (user ?? "").split(/:(.*)/s);
  const who = wanted === "" ? "0" : wanted;
  const groups = parseGroup(group ?? "");
  const users = parsePasswd(passwd ?? "");
  const entry = users.find((u) => u.name === who) ?? users.find((u) => u.uid === number(who));
  const uid = entry?.uid ?? number(who);
  if (uid === undefined) return nobody("user", who, "/etc/passwd", passwd, users);
  const base = { uid, name: entry?.name ?? "", home: entry?.home || "/" };
  if (wantedGroup === undefined || wantedGroup === "") {
    const gid = entry?.gid ?? 0;
    const listed = groups.filter(
      (g) => entry !== undefined && g.members.includes(entry.name) && g.gid !== gid,
    );
    return { ...base, gid, groups: [...new Set(listed.map((g) => g.gid))] };
  }
  const gid = groups.find((g) => g.name === wantedGroup)?.gid ?? number(wantedGroup);
  if (gid === undefined) return nobody("group", wantedGroup, "/etc/group", group, groups);
  return { ...base, gid, groups: [] };
}

function nobody(
  kind: "user" | "group",
  name: string,
  file: string,
  text: string | undefined,
  entries: readonly { readonly name: string }[],
): Nobody {
  const quoted = JSON.stringify(name);
  const why =
    text === undefined ? `the rootfs has no ${file}` : `the rootfs's ${file} has no ${kind} ${quoted}`;
  const names = entries.map((e) => e.name).slice(0, 12);
  const hint =
    names.length > 0 ? `use a number, or one of ${names.join(", ")}` : "use a number: it needs no entry";
  return { summary: `no ${kind} ${quoted}`, why, hint };
}
