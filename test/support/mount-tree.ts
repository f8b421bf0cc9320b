// Mounts with the numbers that tell one from another that looks the same, and what each is mounted on.
import { readFileSync } from "node:fs";

export type MountNode = { readonly id: string; readonly parent: string; readonly point: string };

const decode = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** The mounts at or below a directory, in the order they were made. */
export function mountTree(dir: string): readonly MountNode[] {
  const lines = readFileSync("/proc/self/mountinfo", "latin1").split("\n").filter(Boolean);
  return lines
    .map((line) => {
      const [id = "", parent = "", , , point = ""] = line.split(" ");
      return { id, parent, point: Buffer.from(decode(point), "latin1").toString() };
    })
    .filter(({ point }) => point === dir || point.startsWith(`${dir}/`));
}
