import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath, EnvId } from "#model/brand";
import { CAPABILITIES, DEFAULT_CAPABILITIES } from "#model/capabilities";
import type { LaunchSpec } from "#model/launch";
import type { Reader } from "#ports/reader";
import type { LaunchPort } from "#ports/processes";
import type { Stage } from "#ports/mounts";
import { launchSpec as fromEntry, start } from "#launch/launch";
import { fakeRoot, launchSpec, ROOT } from "./fixture.ts";

const usual = CAPABILITIES.filter((name) => DEFAULT_CAPABILITIES.includes(name));
const entry = {
  env: { CI: { kind: "literal", value: "1" } },
  workdir: "/work",
  user: "ana",
  hostname: "web",
  network: "none",
  init: false,
  capabilities: { drop: [], add: [] },
} as const;

test("a file's entry becomes a launch", () => {
  const caller = { terminal: false, variable: () => undefined };
  const given = {
    id: "web-00000000" as EnvId,
    root: { kind: "applied", merged: ROOT },
    cgroups: [],
    command: ["make"],
    caller,
    reader: { textAny: () => undefined },
  } as const;
  const spec = fromEntry(entry, given);
  assert.deepEqual(spec, {
    id: "web-00000000",
    root: { kind: "applied", merged: ROOT },
    cgroups: [],
    command: ["make"],
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOSTNAME: "web", CI: "1" },
    workdir: "/work",
    user: "ana",
    hostname: "web",
    network: "none",
    terminal: false,
    init: false,
    capabilities: { bounding: usual, ambient: [] },
  });
  const { user: _, ...rootEntry } = entry;
  assert.equal("user" in fromEntry(rootEntry, given), false);
});

test("the root is built, then read, then run; memory is compared before and after", async () => {
  const log: string[] = [];
  let kills = 0;
  let time = 1000;
  const root = fakeRoot({ "/": { type: "dir" }, "/bin/run": { type: "file", mode: 0o755 } });
  const reader = {
    ...root,
    textAny: (path: string) => (path === "/cg/x/memory.events" ? `oom_kill ${kills}\n` : undefined),
  } as unknown as Reader;
  const launch: LaunchPort = {
    launch(spec: LaunchSpec, build, prepare) {
      const at = build({} as Stage);
      log.push(`built ${at}`, `prepared ${prepare(at).program}`, `runs ${spec.command.join(" ")}`);
      kills = 1;
      time = 3500;
      return { pid: 7, ended: Promise.resolve({ code: 4 }), signal: () => true };
    },
  };
  const clock = {
    now: () => 0,
    monotonic: () => (log.length === 0 ? time : (time += 500)),
    pause: () => undefined,
  };
  const cgroups = [{ dir: "/cg/x" as AbsPath, version: 2, controllers: ["memory"] }] as const;
  const started = start({ launch, reader, clock }, launchSpec({ cgroups }), () => ROOT);
  assert.equal(started.pid, 7);
  assert.deepEqual(log, [`built ${ROOT}`, "prepared /bin/run", "runs run"]);
  assert.deepEqual(await started.outcome, {
    ending: { code: 4 },
    ranMs: 500,
    oom: { kills: 1, ranMs: 500, command: ["run"], wasEntry: false },
  });
});

test("a launch that fails is nobody's running entry", () => {
  const launch: LaunchPort = {
    launch() {
      throw new Error("refused");
    },
  };
  const reader = { textAny: () => undefined } as unknown as Reader;
  const clock = { now: () => 0, monotonic: () => 0, pause: () => undefined };
  assert.throws(() => start({ launch, reader, clock }, launchSpec(), () => ROOT), /refused/);
});
