// Mount namespaces of a test's own: what is mounted in them is seen by reading, and nothing of it outlives the test.
import { readlinkSync } from "node:fs";
import { mountsBelow, type MountLine } from "./mountinfo.ts";
import { type AsyncCleanup, occupant, runs, until } from "./occupant.ts";

export type MountNamespace = {
  /** Of the process that keeps it. */
  readonly pid: number;
  /** Words in front of a command that runs in it; its working directory is then `/`. */
  readonly enter: readonly string[];
  mountsBelow(dir: string): readonly MountLine[];
};

/**
 * A copy of a namespace (of the test's own where none is named). `shared`: all its mounts made shared; `peer`: as they are, so that what
 * was shared goes both ways; `slave`: receives and never sends; `private`.
 */
export async function namespace(
  p: AsyncCleanup,
  how: "shared" | "peer" | "slave" | "private",
  of?: MountNamespace,
): Promise<MountNamespace> {
  // Private first, then shared: a copy of what is shared already would be its peer.
  const propagation = { shared: "private", peer: "unchanged", slave: "slave", private: "private" }[how];
  const made = `${how === "shared" ? "mount --make-rshared / && " : ""}exec sleep 1000000`;
  const words = [...(of?.enter ?? []), "unshare", "-m", "--propagation", propagation, "sh", "-c", made];
  const { pid } = occupant(p, words as [string, ...string[]]);
  await until(
    "the namespace is made",
    () =>
      runs(pid, "sleep") &&
      readlinkSync(`/proc/${pid}/ns/mnt`) !== readlinkSync(`/proc/${of?.pid ?? "self"}/ns/mnt`),
  );
  return {
    pid,
    enter: ["nsenter", "-t", String(pid), "-m", "--"],
    mountsBelow: (dir) => mountsBelow(dir, pid),
  };
}
