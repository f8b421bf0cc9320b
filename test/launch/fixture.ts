import type { AbsPath, EnvId } from "#model/brand";
import type { LaunchSpec } from "#model/launch";
import type { Reader, Stat } from "#ports/reader";

type Node = { readonly type: Stat["type"]; readonly mode?: number; readonly text?: string };

/** A root in memory: what lies at which path; nothing is a symlink. It fails the test where anything outside is asked for. */
export function fakeRoot(nodes: Readonly<Record<string, Node>>): Pick<Reader, "statIn" | "textIn"> {
  const at = (root: AbsPath, path: string): Node | undefined => {
    if (root !== "/root-of-test") throw new Error(`looked in ${root}`);
    const parts: string[] = [];
    for (const part of path.split("/")) {
      if (part === "..") parts.pop();
      else if (part !== "" && part !== ".") parts.push(part);
    }
    return nodes[`/${parts.join("/")}`];
  };
  return {
    statIn(root, path) {
      const node = at(root, path);
      if (node === undefined) return undefined;
      const mode = node.mode ?? (node.type === "dir" ? 0o755 : 0o644);
      return {
        type: node.type,
        mode,
        uid: 0,
        gid: 0,
        size: 0,
        dev: "0:1",
        ino: "1",
        rdev: "0:0",
        mtimeNs: 0n,
        ctimeNs: 0n,
        nlink: 1,
      };
    },
    textIn: (root, path) => at(root, path)?.text,
  };
}

export const ROOT = "/root-of-test" as AbsPath;

export function launchSpec(more: Partial<LaunchSpec> = {}): LaunchSpec {
  return {
    id: "web-00000000" as EnvId,
    root: { kind: "applied", merged: ROOT },
    command: ["run"],
    env: { PATH: "/usr/bin:/bin" },
    workdir: "/",
    hostname: "web",
    network: "none",
    cgroups: [],
    terminal: false,
    init: false,
    capabilities: { bounding: ["CHOWN"], ambient: [] },
    ...more,
  };
}
