import type { AbsPath } from "./brand.ts";
import type { Diagnostic, DiagnosticCode } from "./diagnostic.ts";
import type { Layer, Ownership, ShownOwner } from "./resource.ts";
import type { SpecPath } from "./spec.ts";

/** What the host says about one declared volume. */
export type VolumeFact = {
  readonly path: AbsPath;
  readonly type: "dir" | "file";
  readonly inode?: { readonly dev: string; readonly ino: string };
  readonly create?: { readonly dirs: readonly AbsPath[]; readonly owner: Ownership };
  readonly owner?: ShownOwner;
};

/** What the host says about a Spec: everything `desired` needs besides the Spec itself. */
export type Facts = {
  readonly rootfs: Layer;
  readonly lowers: readonly Layer[];
  readonly root: Ownership;
  /** In the order of Spec.volumes. */
  readonly volumes: readonly VolumeFact[];
  /** What works and still may hurt. */
  readonly warnings: readonly Issue[];
};

/** A mistake that only the host shows; `path` says at which part of the file to point. */
export type Issue = {
  readonly path: SpecPath;
  readonly severity: Diagnostic["severity"];
  readonly code: DiagnosticCode;
  readonly summary: string;
  readonly detail?: string;
} & Pick<Diagnostic, "call" | "errno" | "hint">;
