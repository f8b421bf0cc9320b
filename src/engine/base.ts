import type { AbsPath } from "#model/brand";
import type { EnvRecord } from "#model/record";
import type { RecordBase } from "#execute/context";
import { withoutValues } from "#plan/entry";
import type { ReadHost } from "./host.ts";
import type { Loaded } from "./load.ts";
import { variableHash } from "./load.ts";

/** What a record keeps of a file. Values of variables are left out: of them only salted hashes stay (row F27). */
export function recordBase(host: ReadHost, loaded: Loaded, record: EnvRecord | undefined): RecordBase {
  const salt = record?.salt ?? host.reader.text("/proc/sys/kernel/random/uuid" as AbsPath).trim();
  return {
    version: host.version,
    file: loaded.file,
    text: loaded.text,
    variables: loaded.variables.map(({ name, value }) =>
      value === undefined ? { name } : { name, hash: variableHash(host, salt, value) },
    ),
    salt,
    spec: { ...loaded.spec, entry: withoutValues(loaded.spec.entry) },
  };
}

/** For destroying: the record's own words. */
export function baseOf({ version, file, text, variables, salt, spec }: EnvRecord): RecordBase {
  return { version, file, text, variables, salt, spec };
}
