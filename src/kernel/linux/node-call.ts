import { errnoName, refused } from "./ffi.ts";

/** Runs a function of node:fs and turns its refusal into a KernelError that prints `call`; `topic` keys the hint. */
export function nodeCall<T>(topic: string, call: () => string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    throw refused(topic, call(), code, error);
  }
}

/** The same for one that libuv's threads carry out: `start` is given what to call at its end. */
export function nodeWait(
  topic: string,
  call: () => string,
  start: (done: (error: Error | null) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) =>
    start((error) => {
      const code = errnoOf(error);
      if (error === null) resolve();
      else reject(code === undefined ? error : refused(topic, call(), code, error));
    }),
  );
}

/** Node holds no more than 2 GiB in a buffer, and half a GiB in a string. */
const TOO_LARGE: readonly string[] = ["ERR_FS_FILE_TOO_LARGE", "ERR_STRING_TOO_LONG"];

/**
 * The symbolic errno of an error of node:fs; undefined for anything else. libuv has names of its own for a few, and none for a third of
 * Linux's numbers: EDQUOT and ESTALE come as `Unknown system error -122` and -116, EOPNOTSUPP as ENOTSUP.
 */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  if (TOO_LARGE.includes(error.code)) return "EFBIG";
  if (/^E[A-Z0-9]+$/.test(error.code) && error.code !== "ENOTSUP") return error.code;
  return "errno" in error && typeof error.errno === "number" ? errnoName(-error.errno) : undefined;
}
