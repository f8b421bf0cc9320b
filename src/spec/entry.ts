import { CAPABILITIES, DEFAULT_CAPABILITIES } from "#model/capabilities";
import { parseDuration } from "#model/duration";
import type { Entry, Ready } from "#model/spec";
import { env } from "./env.ts";
import { insidePath } from "./path.ts";
import { ANY, boolean, choice, Complaint, integer, scalar, STRING } from "./scalar.ts";
import { may, object } from "./object.ts";
import { convert, either, fail, list, suggestion, type Shape } from "./shape.ts";

const argument: Shape<string> = scalar({
  what: "an argument",
  write: 'text; "" for an empty argument',
  takes: "source",
  schema: ANY,
  parse: (text) => text,
});

const words = convert(list(argument, "[make, test]", 1), (value, node, at) =>
  value[0] === ""
    ? fail(at, node.range, "bad_value", "a command without a name", "such as [make, test]")
    : value,
);

const line = scalar({
  what: "a command",
  write: "a list such as [make, test], or a line for /bin/sh",
  takes: "source",
  schema: ANY,
  parse: (text) => (text.trim() === "" ? undefined : ["/bin/sh", "-c", text]),
});

/** A list is a program with its arguments, a string a line for the shell. */
const command: Shape<readonly string[]> = either(line, words);

const user = scalar({
  what: "a user",
  write: "USER or USER:GROUP, names or numbers: 1000:1000",
  takes: "source",
  schema: ANY,
  parse: (text) => (/^[^:\s]+(:[^:\s]+)?$/.test(text) ? text : undefined),
});

/** gethostname(2): at most 64 bytes. */
const hostname = scalar({
  what: "a hostname",
  write: "letters, digits, _ . and -, at most 64",
  schema: STRING,
  parse: (text) => (/^[A-Za-z0-9_.-]{1,64}$/.test(text) ? text : undefined),
});

/** capabilities(7), with or without CAP_, in any case. */
const NAMES: readonly string[] = ["ALL", ...CAPABILITIES];

const capability = scalar({
  what: "a capability",
  write: "a name of capabilities(7): NET_RAW",
  schema: STRING,
  parse(text) {
    const name = text.toUpperCase().replace(/^CAP_/, "");
    if (NAMES.includes(name)) return name;
    const detail = suggestion(name, NAMES);
    return detail.startsWith("did") ? new Complaint("not a capability", detail) : undefined;
  },
});
const capabilityList = list(capability, "[NET_RAW]");

const duration = scalar({
  what: "a duration",
  write: "a number with ms, s, m or h: 30s",
  schema: STRING,
  takes: "source",
  parse: (text) => parseDuration(text) || undefined,
});

const probe = <T>(
  shape: Shape<T>,
  doc: string,
  into: (value: T) => Ready["probe"],
): ReturnType<typeof may<Ready["probe"]>> => may(convert(shape, into), doc);

const ready = convert(
  object(
    "a readiness check",
    {
      tcp: probe(
        integer(1, 65_535),
        "Ready when something of the run listens on this port, at any address",
        (port) => ({
          kind: "tcp",
          port,
        }),
      ),
      exec: probe(
        command,
        "Ready when this command succeeds inside, as the entry's user; asked again until then",
        (command) => ({
          kind: "exec",
          command,
        }),
      ),
      file: probe(
        insidePath,
        "Ready when this exists inside, made by an earlier run too; in a tmpfs it is new each time",
        (path) => ({ kind: "file", path }),
      ),
      timeout: may(duration, "How long to wait; default: 30s"),
    },
    { one: { of: ["tcp", "exec", "file"], what: "check" } },
  ),
  ({ tcp, exec, file, timeout }): Ready => ({ probe: (tcp ?? exec ?? file)!, timeoutMs: timeout ?? 30_000 }),
);

/** Everything optional; the hostname's default is the environment's name, which is not known here. */
export const entry: Shape<Omit<Entry, "hostname"> & { readonly hostname?: string }> = convert(
  object("an entry", {
    command: may(command, "What run starts: a list, or a line for /bin/sh; without one, run needs a command"),
    env: may(env, "A map, or a list of NAME=value; a bare NAME passes through at launch and is never stored"),
    workdir: may(insidePath, "Default: /"),
    user: may(user, "USER or USER:GROUP, resolved in the rootfs's own passwd and group; default: root"),
    hostname: may(hostname, "Default: the environment's name"),
    network: may(choice(["none", "host"]), "none has a loopback only; default: none"),
    init: may(
      boolean,
      "A reaper as PID 1 that hands signals on: the host's tini, catatonit or dumb-init, else a shell; default: false",
    ),
    capabilities: may(
      object("capabilities", {
        drop: may(capabilityList, "Taken from the default set; ALL takes all of it"),
        add: may(
          capabilityList,
          "Added to what is left, and given to an ordinary user from the start; ALL is every one envctl has itself",
        ),
      }),
      `What root inside may do; default: ${DEFAULT_CAPABILITIES.join(", ")}, with network: host without NET_RAW`,
    ),
    ready: may(ready, "What run -d --wait waits for"),
  }),
  ({
    env = {},
    workdir = "/",
    network = "none",
    init = false,
    capabilities: { drop = [], add = [] } = {},
    ...rest
  }) => ({
    ...rest,
    env,
    workdir,
    network,
    init,
    capabilities: { drop, add },
  }),
);
