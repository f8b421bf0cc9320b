// The pictures the project set out to show, character by character.
import assert from "node:assert/strict";
import test from "node:test";
import { busy } from "#views/busy";
import { diagnostics } from "#views/diagnostics";
import { driftText } from "#views/drift";
import { planText } from "#views/plan";
import { oomText } from "#views/run";
import * as f from "./fixtures.ts";
import { mistakes, oom, report } from "./reports.ts";
import { scenes } from "./scenes.ts";

const lines = (text: string): string => text.replace(/^\n/, "");

test("plan", () => {
  assert.equal(
    planText([f.picture], f.LOOK),
    lines(`
web-tests  envs/web-tests.yaml  (web-tests-931505fb)

  Changed outside envctl since the last apply
    volume["/var/cache/app"]   missing    no longer mounted

  Planned        + create   ~ update in place   -/+ replace

  -/+ overlay                             lowers changed
        lowers    + ../layers/tools       new topmost
                    ../layers/node
        upper     kept                    214 changed paths, 83.1 MiB
  -/+ volume["/work"]                     overlay is replaced
  +   volume["/var/cache/app"]            missing
        source    ../cache                rw,nosuid,nodev
  ~   limit.memory
        256 MiB → 512 MiB                 in use now: 31 MiB

  Warning: upper was written over other layers; a file it changed hides the
  one in ../layers/tools. See it: envctl diff. Drop it: envctl reset.

Plan: 1 to create, 1 to update, 2 to replace, 0 to delete, 4 unchanged.
`),
  );
});

test("apply", () => {
  assert.equal(
    scenes["apply-done"]!(f.LOOK),
    `
Apply these 4 changes? Nothing in upper is deleted. [y/N] y

web-tests
  ✔ unmount  /work
  ✔ unmount  overlay
  ✔ mount    overlay           3 layers, upper kept
  ✔ bind     /work             ro   from ../src
  ✔ bind     /var/cache/app    rw   from ../cache
  ✔ limit    memory            512 MiB, read back 536870912

Applied in 41 ms: 1 created, 1 updated, 2 replaced, 0 deleted.
Next: envctl run web-tests
`,
  );
});

test("drift", () => {
  assert.equal(
    driftText(report, f.LOOK),
    lines(`
web-tests  (web-tests-931505fb)
  missing   volume["/var/cache/app"]  recorded, not mounted
            fix: envctl apply web-tests
  foreign   merged/mnt                tmpfs, mount 912, not made by envctl
            destroy will refuse while it is there
            fix: umount ${f.STATE}/envs/web-tests-931505fb/merged/mnt
  Note: envs/web-tests.yaml has unapplied edits (not drift); see envctl plan.

Belonging to no file
  orphan    old-api-5b2c90d1          envs/old-api.yaml is gone; 3 mounts
            fix: envctl destroy old-api-5b2c90d1
  leftover  cgroup lint-77e0a1c4      memory, cpuset; empty, no record
            fix: envctl destroy lint-77e0a1c4

4 findings: 1 missing, 1 foreign, 1 orphan, 1 leftover.
`),
  );
});

test("busy", () => {
  assert.equal(
    busy(f.blocked(f.picture, f.holders), f.LOOK),
    lines(`
envctl: web-tests is busy; nothing was changed

    PID  USER   SINCE  HOLDS                          COMMAND
  48121  ana    12m    cwd   /work                    bash
  48377  root   3s     file  /var/cache/app/app.log   tail -f app.log
  51002  build  2h     mount namespace 4026532871     node server.js

  51002 sees these mounts in a namespace of its own.
  Leave or end these processes, then repeat the command.
`),
  );
});

test("mistakes in a file", () => {
  assert.equal(
    diagnostics(mistakes, f.LOOK),
    lines(`
envs/web-tests.yaml:4:1: unknown key "lower"
   4 | lower:
     | ^^^^^ did you mean "lowers"?

envs/web-tests.yaml:10:11: not a size
  10 |   memory: 256 megs
     |           ^^^^^^^^ a number with K, M or G (powers of 1024): 256MiB

envs/web-tests.yaml:11:11: this host has CPUs 0-1 only
  11 |   cpuset: 0-7
     |           ^^^

3 errors in 1 file. Nothing was changed.
`),
  );
});

test("out of memory", () => {
  assert.equal(
    oomText(oom, f.LOOK),
    lines(`
envctl: killed by the kernel: out of memory
  limit   512 MiB, no swap       envs/web-tests.yaml:8
  peak    512 MiB                OOM kills: 1
  ran     14.2 s                 node test/all.js (entry)
  Raise limits.memory, or run fewer workers at once.
  web-tests.r1 was removed; its files are gone (--keep-on-failure keeps them).
`),
  );
});

test("out of memory, only a child was killed", () => {
  assert.match(oomText({ ...oom, wasEntry: false }, f.LOOK), /OOM kills: 1 \(a child; the entry went on\)$/m);
});
