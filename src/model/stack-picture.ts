import type { AbsPath, EnvId } from "./brand.ts";
import type { Resource } from "./resource.ts";

/** What a picture of an environment shows: as declared, or as recorded where the file is gone. */
export type Picture = {
  readonly id: EnvId;
  readonly name: string;
  readonly file: AbsPath;
  readonly from: "file" | "record";
  readonly resources: readonly Resource[];
  readonly command?: readonly string[];
};
