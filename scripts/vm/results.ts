// What each machine reported last, test by test, in build/vm/results: a file that is run again replaces its own results alone.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../tally.ts";

const DIR = "build/vm/results";

/** The test file that a result is about: `test/e2e/x.test.ts: a title`, or the file alone. The build and the whole run have none. */
export const fileOf = ({ title }: Result): string | undefined => /^test\/[^:]+\.test\.ts/.exec(title)?.[0];

const place = (machine: string): string => join(DIR, `${machine}.json`);

/** Empty where the machine was never run here. */
export function kept(machine: string): readonly Result[] {
  const file = place(machine);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Result[]) : [];
}

/** What a hook around a file's tests said is named after the file it stands in, and said only where it failed. */
const isHook = ({ title }: Result): boolean => /: \S+\.ts$/.test(title);

/**
 * Takes a run's results as they come, so that an interrupted run keeps what it has. `whole`: files are run with all their tests, whose
 * former results go with the first new one; otherwise a test replaces itself only.
 */
export function keeper(machine: string, whole: boolean): (result: Result) => void {
  const begun = new Set<string>();
  return (result) => {
    const file = fileOf(result);
    if (file === undefined) return;
    const fresh = !begun.has(file);
    begun.add(file);
    const stays = (old: Result): boolean =>
      old.title !== result.title && !(fresh && fileOf(old) === file && (whole || isHook(old)));
    mkdirSync(DIR, { recursive: true });
    writeFileSync(
      place(machine),
      `${JSON.stringify([...kept(machine).filter(stays), result], undefined, 1)}\n`,
    );
  };
}
