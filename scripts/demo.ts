// npm run demo: the whole story on the real kernel, in a minute. Everything lies in build/demo, which stays to play with;
// what was mounted and limited is gone at the end.
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { leftovers, snapshot } from "../test/support/guard.ts";
import { mountsBelow } from "../test/support/mountinfo.ts";
import { busyboxRootfs } from "../test/support/project.ts";
import { installPackages } from "./apt.ts";

const color = process.stdout.isTTY && !process.env["NO_COLOR"];
const bold = (text: string): string => (color ? `\x1b[1m${text}\x1b[22m` : text);
const dim = (text: string): string => (color ? `\x1b[2m${text}\x1b[22m` : text);
const cli = join(process.cwd(), "dist/cli.js");
const state = mkdtempSync(join(tmpdir(), "envctl-demo-"));
const here = join(process.cwd(), "build/demo");

let chapter = 0;
const say = (title: string): void => void process.stdout.write(`\n${bold(`${++chapter}. ${title}`)}\n`);
const remark = (text: string): void => void process.stdout.write(`${dim(`   ${text}`)}\n`);

/** Prints a command as one would type it, runs it, and insists on how it ends: a demo that fails says so. */
function sh(shown: string, command: readonly [string, ...string[]], code = 0): void {
  process.stdout.write(`\n${bold("$")} ${shown}\n`);
  const env = { ...process.env, ENVCTL_STATE_DIR: state };
  const [program, ...args] = command;
  const { status, signal, error } = spawnSync(program, args, { stdio: ["ignore", 1, 1], env });
  if (error !== undefined) throw error;
  if (status !== code) throw new Error(`ended with ${signal ?? status}, not ${code}: ${shown}`);
  if (code !== 0) remark(`exit ${code}`);
}

const envctl = (line: string, code = 0): void =>
  sh(`envctl ${line}`, [process.execPath, cli, ...words(line)], code);
const words = (line: string): string[] =>
  (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'|'$/g, ""));
const script = (shown: string, code = 0): void => sh(shown, ["/bin/sh", "-c", shown], code);

function insist(what: string, holds: boolean): void {
  if (!holds) throw new Error(`the demo expected: ${what}`);
  remark(`✔ ${what}`);
}

function build(): void {
  rmSync(here, { recursive: true, force: true });
  busyboxRootfs(join(here, "rootfs"));
  for (const dir of ["tools/bin", "src"]) mkdirSync(join(here, dir), { recursive: true });
  writeFileSync(join(here, "tools/bin/greet"), '#!/bin/sh\necho "hello $1"\n');
  chmodSync(join(here, "tools/bin/greet"), 0o755);
  writeFileSync(join(here, "src/hello"), "hello from the host's directory\n");
}

/** Mount, bind, use, unmount, rm -rf: when the unmount fails, rm walks on. In a mount namespace of its own, on a canary. */
const NAIVE = `mkdir -p merged upper work
mount -t overlay overlay -o lowerdir=rootfs,upperdir=upper,workdir=work merged
mount --bind canary merged/mnt
( cd merged/mnt && exec sleep 5 ) &     # somebody is still in there
sleep 0.2
umount merged/mnt merged 2>/dev/null || echo "umount failed ... going on, as such scripts do"
rm -rf merged upper work 2>/dev/null
kill $!`;

async function accident(): Promise<void> {
  const place = join(here, "accident");
  mkdirSync(join(place, "canary"), { recursive: true });
  cpSync(join(here, "rootfs"), join(place, "rootfs"), { recursive: true, verbatimSymlinks: true });
  const precious = join(place, "canary/thesis.txt");
  writeFileSync(precious, "five years of work\n");
  writeFileSync(join(place, "naive.sh"), NAIVE);
  say("The accident: the script everybody has written once, on a canary");
  script(`cat ${shownPath("accident/naive.sh")}`);
  sh("sh naive.sh", [
    "unshare",
    "-m",
    "--propagation",
    "private",
    "/bin/sh",
    "-c",
    `cd ${place} && exec sh naive.sh`,
  ]);
  insist(
    "the script has deleted canary/thesis.txt, through the bind it could not unmount",
    !existsSync(precious),
  );

  say("The same situation under envctl: a shell sits in the volume while somebody destroys");
  writeFileSync(join(here, "cache/thesis.txt"), "five years of work\n");
  envctl("apply demo -y -q");
  const inside = join(mountsBelow(state).find((m) => m.point.endsWith("/var/cache/app"))!.point);
  const shell = spawn("/bin/sh", ["-c", "exec sleep 60"], { cwd: inside, stdio: "ignore" });
  await sleep(100);
  try {
    envctl("destroy demo -y", 5);
    insist(
      "nothing was changed, and the thesis is whole",
      readFileSync(join(here, "cache/thesis.txt"), "utf8") === "five years of work\n",
    );
  } finally {
    shell.kill("SIGKILL");
    await new Promise((resolve) => shell.once("close", resolve));
  }
  envctl("destroy demo -y");
  insist(
    "after it left, destroy took everything away but what it had not made: the thesis is whole",
    existsSync(join(here, "cache/thesis.txt")),
  );
}

const shownPath = (path: string): string => `build/demo/${path}`;

async function story(): Promise<void> {
  const before = snapshot();
  say("A file in the repository declares a sandbox");
  script("cat envs/demo.yaml");
  say("Plan shows what would change on this host; nothing is touched");
  envctl("plan demo");
  say("Apply makes it so");
  envctl("apply demo -y");
  envctl("plan demo");
  say("Run the entry, then destroy everything inside");
  envctl("run demo");
  envctl("run demo -- sh -c 'rm -rf /* 2>/dev/null; echo left: /*'");
  insist("the rootfs below is as it was", existsSync(join(here, "rootfs/bin/busybox")));
  envctl("destroy demo -y -q");
  envctl("apply demo -y -q");
  envctl("run demo");
  say("A throwaway instance: any number at once, gone afterwards");
  envctl("run --rm demo -- sh -c 'echo $$ > /tmp/mark; cat /tmp/mark; hostname'");
  say("Somebody mounts and unmounts by hand; drift finds it, and says what to do");
  const merged = mountsBelow(state).find((m) => m.type === "overlay")!.point;
  sh("umount MERGED/work", ["umount", join(merged, "work")]);
  sh("mount -t tmpfs leftover MERGED/mnt", ["mount", "-t", "tmpfs", "leftover", join(merged, "mnt")]);
  envctl("drift", 2);
  envctl("destroy demo -y", 5);
  sh("umount MERGED/mnt", ["umount", join(merged, "mnt")]);
  envctl("apply demo -y");
  envctl("destroy demo -y");
  await accident();
  say("What is left");
  // Another envctl on this machine is not the demo's business: it has a lineage and a state directory of its own.
  const ours = [state, `envctl-${readFileSync(join(state, "lineage"), "utf8").trim()}`];
  envctl("ls");
  const lines = (await leftovers(before)).filter(
    (line) => ours.some((word) => line.includes(word)) || !line.includes("envctl-"),
  );
  for (const line of lines) remark(line);
  insist("mount table and cgroups are as they were before", lines.length === 0);
}

if (process.geteuid?.() !== 0) {
  process.stderr.write("demo: mounting and cgroups need root: sudo npm run demo\n");
  process.exit(1);
}
installPackages();
build();
try {
  await story();
  process.stdout.write(
    `\n${bold("Done.")} Play on: node_modules/.bin/node dist/cli.js plan. More: README.md\n`,
  );
} catch (error) {
  process.stderr.write(`\ndemo: ${error instanceof Error ? error.message : String(error)}\n`);
  spawnSync(process.execPath, [cli, "destroy", "--all", "-y", "-q"], {
    stdio: "inherit",
    env: { ...process.env, ENVCTL_STATE_DIR: state },
  });
  process.exitCode = 1;
} finally {
  if (mountsBelow(state).length === 0) rmSync(state, { recursive: true, force: true });
  if (mountsBelow(here).length === 0) rmSync(join(here, "accident"), { recursive: true, force: true });
}
