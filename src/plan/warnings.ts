import type { Diagnostic } from "#model/diagnostic";
import type { Observed } from "#model/observed";
import type { Action } from "#model/plan";

/** A writable layer belongs to the layers it was written over (Documentation/filesystems/overlayfs.rst, "Changes to underlying filesystems"). */
export function warnings(actions: readonly Action[], observed: Observed): readonly Diagnostic[] {
  const overlay = actions.find((a) => a.kind === "overlay" && a.op === "replace");
  const changed =
    overlay?.op === "replace"
      ? overlay.changes.find((c) => c.path === "lowers" || c.path === "rootfs")
      : undefined;
  if (changed === undefined || !observed.upperUsed) return [];
  const [before, after] = [changed.before, changed.after].map((v) =>
    Array.isArray(v) ? (v as string[]) : [String(v)],
  );
  const added = after!.filter((layer) => !before!.includes(layer));
  const where = added.length > 0 ? `the one in ${added.join(", ")}` : "what is below it now";
  const summary = `upper was written over other layers; a file it changed hides ${where}`;
  return [
    {
      severity: "warning",
      code: "overlay_rule",
      summary,
      hint: "To begin with a fresh upper: envctl destroy, then apply.",
    },
  ];
}
