// The line of a step that takes long, while it does; whatever is over is an ordinary line (./apply.ts). listr2 is loaded here alone, and
// nothing else is imported: what this part shared with others would become parts that every command loads.
import {
  createWritable,
  DefaultRenderer,
  Listr,
  ListrLogger,
  type ListrTaskWrapper,
  ProcessOutput,
  Spinner,
} from "listr2";

/** A line that moves: it is told what it says now, and leaves the screen as it found it. */
export type Live = { update(text: string): void; end(): Promise<void> };

/** What the line needs to know of where it is shown. */
export type Stage = {
  readonly columns: number;
  readonly unicode: boolean;
  readonly tint: (text: string) => string;
  readonly write: (text: string) => void;
};

/** Begins a line that moves; whoever began it has to end it. */
export function live(text: string, { columns, unicode, tint, write }: Stage): Live {
  let task: ListrTaskWrapper<object, typeof Anywhere, never> | undefined;
  // Made here and not by the task, which listr2 starts some time later: the end may come before.
  const over = Promise.withResolvers<void>();
  // Everything that listr2 writes goes one way: none of Node's own streams is touched.
  const stream = (): NodeJS.WriteStream => Object.assign(createWritable(write), { columns }) as never;
  const spinner = new Turning(unicode);
  const frame = (text = ""): string => tint(text);
  const list = new Listr<object, typeof Anywhere, "silent">(
    [
      {
        title: text,
        task: (_, started): Promise<void> => {
          task = started as unknown as typeof task;
          return over.promise;
        },
      },
    ],
    {
      renderer: Anywhere,
      // Signals are for what carries the plan out: it finishes its step, and undoes.
      registerSignalListeners: false,
      rendererOptions: {
        clearOutput: true,
        formatOutput: "truncate",
        spinner,
        icon: { WAITING: spinner.fetch(), COMPLETED: spinner.fetch() },
        logger: new ListrLogger({
          processOutput: new ProcessOutput(stream(), stream()),
          useIcons: true,
          toStderr: [],
        }),
        color: { WAITING: frame, PENDING: frame, COMPLETED: frame },
      },
    },
  );
  const ended = list.run();
  return {
    update: (text) => {
      if (task !== undefined) task.title = text;
    },
    end: async () => {
      over.resolve();
      await ended;
    },
  };
}

/** Who calls knows that there is a terminal: listr2 would ask standard output, and print plain lines to it where that is a file. */
class Anywhere extends DefaultRenderer {
  static override readonly nonTTY: boolean = true;
}

class Turning extends Spinner {
  protected override readonly spinner: string[];
  constructor(unicode: boolean) {
    super();
    this.spinner = [...(unicode ? "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" : "-\\|/")].map((frame) => `  ${frame}`);
  }
}
