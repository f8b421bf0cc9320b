// The rooms of src/ and what each may import. The linter's rules are made from this table and
// docs/architecture.md prints it (a test compares the two). Change both together, with an ADR that says why.

export type Room = {
  /** Where the room's files are. */
  readonly files: string;
  /** What the room is for, put so that it says why its imports end where they do. The linter shows it. */
  readonly why: string;
  readonly rooms: readonly string[];
  /** Rooms of which only types may be imported. */
  readonly types?: readonly string[];
  readonly packages?: readonly string[];
  /** The room that may use `node:` modules and the network. */
  readonly outside?: true;
  /** The one file that may use `process`. */
  readonly process?: true;
};

const stages = ["spec", "resolve", "desired", "observe", "plan", "record", "guard", "execute"];

/** By alias: the room `plan` is imported as `#plan/…`. */
export const rooms: Readonly<Record<string, Room>> = {
  model: {
    files: "src/model/**",
    why: "the vocabulary is types and total functions that run anywhere, and everything else depends on it",
    rooms: [],
  },
  ports: {
    files: "src/ports/**",
    why: "a port is a narrow type of what the outside offers; what implements it lives in src/kernel/linux",
    rooms: ["model"],
  },
  spec: {
    files: "src/spec/**",
    why: "text and variables become a Spec here, without a look at the machine",
    rooms: ["model"],
    packages: ["yaml", "zod"],
  },
  resolve: {
    files: "src/resolve/**",
    why: "facts are read through a Reader that is passed in, so that resolving can never write",
    rooms: ["model", "ports", "sources"],
    types: ["spec"],
  },
  desired: {
    files: "src/desired/**",
    why: "what should exist follows from Spec and Facts alone, so the same input always gives the same resources",
    rooms: ["model"],
    types: ["spec"],
  },
  observe: {
    files: "src/observe/**",
    why: "parsers take text and the one reader takes a port, so that tests can feed them ugly lines",
    rooms: ["model", "ports"],
  },
  plan: {
    files: "src/plan/**",
    why: "the planner compares data and never reads the kernel, so that a plan is inert and repeatable",
    rooms: ["model"],
  },
  record: {
    files: "src/record/**",
    why: "ownership records have one schema and one writer, which reaches the disk through ports",
    rooms: ["model", "ports"],
  },
  guard: {
    files: "src/guard/**",
    why: "the only unmount and the only delete stay small enough to be read in one sitting",
    rooms: ["model", "ports", "observe"],
  },
  execute: {
    files: "src/execute/**",
    why: "the executor carries out steps and decides nothing; what it unmounts or deletes goes through guard",
    rooms: ["model", "ports", "guard", "record"],
  },
  sources: {
    files: "src/sources/**",
    why: "a source identifies and fetches a root filesystem and knows nothing about environments",
    rooms: ["model", "ports"],
  },
  layers: {
    files: "src/layers/**",
    why: "layers turn into tar and OCI and back without knowing who mounts them",
    rooms: ["model", "ports"],
  },
  launch: {
    files: "src/launch/**",
    why: "a LaunchSpec becomes a process through ports, so that tests can check the order of the calls",
    rooms: ["model", "ports"],
  },
  engine: {
    files: "src/engine/**",
    why: "the engine is the library API: it joins the stages, and neither prints nor touches the kernel",
    rooms: ["model", "ports", ...stages, "sources", "layers", "launch"],
  },
  views: {
    files: "src/views/**",
    why: "a view turns model values into text or JSON and is tested without an engine",
    rooms: ["model", "ports"],
    packages: ["diff", "listr2"],
  },
  commands: {
    files: "src/commands/**",
    why: "a command is argv, a call of the engine and a view; whatever is more belongs into one of these",
    rooms: ["model", "engine", "views"],
  },
  kernel: {
    files: "src/kernel/linux/**",
    why: "the ports are implemented here and nothing is decided here",
    rooms: ["model", "ports"],
    packages: ["@noble/hashes", "execa", "koffi"],
    outside: true,
  },
  cli: {
    files: "src/*.ts",
    why: "the entry joins the commands with the kernel and holds the only `process`; it has no logic of its own",
    rooms: ["commands", "kernel"],
    outside: true,
    process: true,
  },
};
