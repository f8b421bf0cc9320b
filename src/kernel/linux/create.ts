import { mkdirSync, writeFileSync } from "node:fs";
import { parentOf, type AbsPath } from "#model/brand";
import { errnoOf, nodeCall } from "./node-call.ts";
import { quote } from "./print.ts";

/**
 * Writes a user's new file (0644 and their umask), its directory too where that is missing. Answers false where something is there
 * already, which is left alone: O_EXCL follows no symlink. @throws KernelError
 */
export function createFile(path: AbsPath, text: string): boolean {
  const dir = parentOf(path);
  nodeCall(
    "mkdir",
    () => `mkdir(${quote(dir)}, 0777)`,
    () => mkdirSync(dir, { recursive: true }),
  );
  const attempt = (): boolean => {
    try {
      writeFileSync(path, text, { flag: "wx", mode: 0o666 });
      return true;
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return false;
      throw error;
    }
  };
  return nodeCall("open", () => `open(${quote(path)}, O_WRONLY|O_CREAT|O_EXCL, 0666)`, attempt);
}
