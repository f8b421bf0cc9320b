import type { AbsPath } from "#model/brand";
import type { ReadHost } from "./host.ts";

/** Whose files are to be: who runs envctl, or who ran sudo for it (sudo(8) says so in SUDO_UID and SUDO_GID). */
export function callerOf({ reader, variable }: ReadHost): { readonly uid: number; readonly gid: number } {
  const ids = [variable("SUDO_UID"), variable("SUDO_GID")].map((text) =>
    text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined,
  );
  const [uid, gid] = reader.uid === 0 ? ids : [];
  return { uid: uid ?? reader.uid, gid: gid ?? reader.stat("/proc/self" as AbsPath)?.gid ?? 0 };
}
