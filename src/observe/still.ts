import type { AbsPath } from "#model/brand";
import type { Reader } from "#ports/reader";

type Looked = "list" | "listAny" | "readlink" | "textAny" | "mountId" | "stat";

/**
 * The processes of one moment: what was once read below /proc is answered again without looking. For one command that asks the same of every
 * process on behalf of many environments; whoever must know how things are now takes the reader itself.
 */
export function stillProcesses(reader: Reader): Reader {
  const once = <K extends Looked>(name: K): Reader[K] => {
    const known = new Map<AbsPath, unknown>();
    const read = reader[name] as (path: AbsPath) => unknown;
    return ((path: AbsPath) => {
      if (!path.startsWith("/proc")) return read(path);
      if (!known.has(path)) known.set(path, read(path));
      return known.get(path);
    }) as Reader[K];
  };
  return {
    ...reader,
    list: once("list"),
    listAny: once("listAny"),
    readlink: once("readlink"),
    textAny: once("textAny"),
    mountId: once("mountId"),
    stat: once("stat"),
  };
}
