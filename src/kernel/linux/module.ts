import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { KernelError } from "#model/diagnostic";

/** Where modprobe(8) lies; PATH is the caller's to choose, and a module must not be loaded by a program of theirs. */
const PLACES = ["/usr/sbin/modprobe", "/sbin/modprobe", "/usr/bin/modprobe", "/bin/modprobe"];

/**
 * Runs `mount`. Where the kernel does not know the file system type (ENODEV), its module is loaded and `mount` tried once more; if that
 * changes nothing the error names what is missing. `mount` must have done nothing when it fails with ENODEV. @throws KernelError
 */
export function withModule<T>(name: string, feature: string, mount: () => T): T {
  try {
    return mount();
  } catch (error) {
    if (!isUnknown(error)) throw error;
  }
  const said = modprobe(name);
  try {
    return mount();
  } catch (error) {
    if (!isUnknown(error)) throw error;
    const { call, errno } = error as KernelError;
    const hint = `this kernel has no ${name} file system: it needs ${feature}, built in or as a module; ${said}`;
    throw new KernelError(call, errno, hint, error);
  }
}

const isUnknown = (error: unknown): boolean => error instanceof KernelError && error.errno === "ENODEV";

/** What came of it, for people. */
function modprobe(name: string): string {
  const program = PLACES.find((path) => existsSync(path));
  if (program === undefined) return "there is no modprobe here to load one";
  const { status, stderr, error } = spawnSync(program, [name], {
    encoding: "utf8",
    timeout: 10_000,
    env: {},
  });
  if (status === 0) return `modprobe ${name} succeeded and changed nothing`;
  return `modprobe ${name} said: ${(error?.message ?? stderr ?? "").trim().split("\n").at(-1)}`;
}
