import type { AbsPath, EnvId } from "./brand.ts";
import type { OwnedCgroup } from "./record.ts";
import type { InnerMount, Overlay } from "./resource.ts";

/** Numbers only: names were resolved in the rootfs's own passwd and group. */
export type UserIds = { readonly uid: number; readonly gid: number; readonly groups: readonly number[]; readonly home: string; readonly name: string };

/** Where the root comes from: the applied tree, or a stack that exists in the private namespace alone. */
export type LaunchRoot =
  | { readonly kind: "applied"; readonly merged: AbsPath }
  | { readonly kind: "private"; readonly dir: AbsPath; readonly tag: string; readonly overlay: Overlay; readonly inner: readonly InnerMount[] };

/** Everything a launch needs; nothing in it is decided later. */
export type LaunchSpec = {
  readonly id: EnvId;
  readonly root: LaunchRoot;
  readonly command: readonly string[];
  /** The complete environment of the entry. */
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** A file says this much; resolved to UserIds once the root can be read. */
  readonly user?: string;
  readonly hostname: string;
  readonly network: "none" | "host";
  readonly cgroups: readonly OwnedCgroup[];
};

/** How a process ended. */
export type Ending = { readonly code: number } | { readonly signal: string };
