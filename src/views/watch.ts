import type { StepEvent } from "#model/step";
import type { Clock } from "#ports/clock";
import { paint } from "./ansi.ts";
import type { Progress } from "./apply.ts";
import type { Live } from "./live.ts";
import type { Look } from "./look.ts";

/** What takes less is over before anybody would look. */
const LIVE_AFTER_MS = 150;

/** Shows how far a step is that takes long, and takes that away before anything else is said: it is told of every event first. */
export function watch(
  view: Progress,
  look: Look,
  clock: Pick<Clock, "monotonic">,
  write: (text: string) => void,
): (event: StepEvent) => Promise<void> {
  let [since, line]: [number, Live | undefined] = [0, undefined];
  return async (event) => {
    if (event.event === "step_start") since = clock.monotonic();
    if (event.event !== "step_progress") {
      await line?.end();
      line = undefined;
    } else if (line !== undefined) line.update(view.moving(event));
    else if (clock.monotonic() - since > LIVE_AFTER_MS) {
      const { columns, unicode, color } = look;
      const { live } = await import("./live.ts");
      line = live(view.moving(event), { columns, unicode, tint: paint(color).yellow, write });
    }
  };
}
