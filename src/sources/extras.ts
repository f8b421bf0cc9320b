// What programs open by themselves: name services and locales of glibc.
import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import type { Reader } from "#ports/reader";

const SWITCH = "/etc/nsswitch.conf" as AbsPath;
/** What the `files` service reads, but for secrets (shadow) and what the init layer holds (hosts, resolv.conf). */
const DATABASES = [
  "passwd",
  "group",
  "services",
  "protocols",
  "networks",
  "rpc",
  "host.conf",
  "gai.conf",
].map((name) => `/etc/${name}` as AbsPath);

/** Files of the name service switch and the libraries of the services it names (nsswitch.conf(5)). */
export function nameServices(reader: Reader): {
  readonly files: readonly AbsPath[];
  readonly modules: readonly string[];
} {
  const files = [SWITCH, ...DATABASES].filter((path) => reader.stat(path)?.type === "file");
  const words = (reader.textAny(SWITCH) ?? "hosts: files dns").split("\n").flatMap((line) =>
    line
      .replace(/#.*/, "")
      .replace(/\[.*?\]/g, " ")
      .split(":")
      .slice(1)
      .join(":")
      .split(/\s+/),
  );
  const services = new Set(["files", ...words.filter((word) => /^\w+$/.test(word))]);
  return { files, modules: [...services].sort().map((service) => `libnss_${service}.so.2`) };
}

const LOCALES = "/usr/lib/locale" as AbsPath;
const ARCHIVE = join(LOCALES, "locale-archive");

/** The files of a locale: a directory of its own, or the archive that holds it with others (locale(7), localedef(1)); undefined without. */
export function localeFiles(reader: Reader, name: string): readonly AbsPath[] | undefined {
  const known = new Set([name, normalised(name)]);
  const own = (reader.listAny(LOCALES) ?? []).find((dir) => known.has(dir) || known.has(normalised(dir)));
  if (own !== undefined && own !== "locale-archive") return below(reader, join(LOCALES, own));
  return archived(reader).some((each) => known.has(each)) ? [ARCHIVE] : undefined;
}

/** What there is, for somebody whose locale is not. */
export function localesHere(reader: Reader): string {
  const dirs = (reader.listAny(LOCALES) ?? []).filter((name) => name !== "locale-archive");
  const all = [...dirs, ...archived(reader)].sort();
  return all.length === 0 ? `nothing is in ${LOCALES}` : `this host has ${all.join(", ")}`;
}

/** `C.UTF-8` is stored as C.utf8: a codeset in small letters and digits alone (glibc, _nl_normalize_codeset). */
function normalised(name: string): string {
  const [, head = name, codeset = "", modifier = ""] = /^([^.@]*)\.([^@]*)(@.*)?$/.exec(name) ?? [];
  return codeset === "" ? name : `${head}.${codeset.toLowerCase().replace(/[^a-z0-9]/g, "")}${modifier}`;
}

/** Names in a locale archive: texts that look like them, each ended by a zero. */
function archived(reader: Reader): readonly string[] {
  if (reader.stat(ARCHIVE)?.type !== "file") return [];
  const text = new TextDecoder("latin1").decode(reader.bytes(ARCHIVE));
  return [
    ...new Set(
      [...text.matchAll(/\0([a-z]{2,3}_[A-Z]{2}\.[a-z0-9]+(?:@[a-z]+)?)(?=\0)/g)].map(([, name]) => name!),
    ),
  ];
}

function below(reader: Reader, dir: AbsPath): readonly AbsPath[] {
  return [...(reader.listAny(dir) ?? [])].sort().flatMap((name) => {
    const path = join(dir, name);
    return reader.stat(path)?.type === "dir" ? below(reader, path) : [path];
  });
}
