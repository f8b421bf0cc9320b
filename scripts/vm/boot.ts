// Boots a machine under qemu and streams what it prints on its second serial line.
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Kernel } from "./initrd.ts";
import type { Machine } from "./machines.ts";

export type Boot = {
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly disk: string;
  /** What to run: `shell` on a terminal, `batch` without. No word may be empty or hold a newline. */
  readonly command: readonly [how: "shell" | "batch", ...words: string[]];
  /** In ms; the machine is switched off then. */
  readonly limit: number;
};

/**
 * One-threaded TCG never hung; with a thread a processor the kernel oopsed where it patches itself (one boot in 40), and microvm's clock
 * hung. Leaving out what TCG emulates slowly (page table isolation, AVX) takes a third off; with libraries at the same addresses in every
 * process what was translated once serves all, another third. VM_ACCEL=kvm VM_CPU=host where KVM works.
 */
const ACCEL = process.env["VM_ACCEL"] ?? "tcg,thread=single";
const CPU = process.env["VM_CPU"] ?? "Nehalem";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function words(boot: Boot, command: string, consoleFile: string): string[] {
  const { machine, kernel, disk } = boot;
  const append = `console=ttyS0 quiet panic=-1 mitigations=off norandmaps VM_CGROUP=${machine.cgroup} VM_INIT=${machine.init ?? ""}`;
  const shell = boot.command[0] === "shell";
  const options: readonly (readonly string[])[] = [
    ["-M", "q35", "-accel", ACCEL, "-cpu", CPU, "-m", "1536M", "-smp", "2", "-nodefaults", "-no-reboot"],
    ["-display", "none", "-kernel", kernel.image, "-initrd", kernel.initrd, "-append", append],
    // Written to by nobody for longer than the run: the image is shared.
    ["-drive", `file=${disk},format=raw,if=virtio,snapshot=on,cache=unsafe`],
    ["-drive", `file=${command},format=raw,if=virtio,readonly=on`],
    ["-serial", `file:${consoleFile}`],
    ["-chardev", shell ? "stdio,id=out,mux=on,signal=off" : "stdio,id=out,signal=off"],
    ["-device", "isa-serial,index=1,chardev=out"],
  ];
  return options.flat();
}

/** A sector or more of lines; an empty one ends them. */
function sectors(lines: readonly string[]): string {
  const text = `${lines.join("\n")}\n\n`;
  return text.padEnd(Math.ceil(Buffer.byteLength(text) / 512) * 512, "\n");
}

/**
 * Runs a machine to its end. `line` gets each line it prints; a shell has the terminal to itself.
 * @throws Error with the console's words where it ends otherwise than by itself
 */
export async function boot(of: Boot, line: (text: string) => void): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "envctl-test-vm-"));
  const consoleFile = join(dir, "console");
  const command = join(dir, "command");
  writeFileSync(command, sectors(of.command));
  closeSync(openSync(consoleFile, "w"));
  const interactive = of.command[0] === "shell";
  const qemu = spawn("qemu-system-x86_64", words(of, command, consoleFile), {
    stdio: [interactive ? "inherit" : "ignore", interactive ? "inherit" : "pipe", "inherit"],
    env: { ...process.env, TMPDIR: dir },
  });
  const stop = (): boolean => qemu.kill("SIGKILL");
  const clear = (): void => {
    stop();
    rmSync(dir, { recursive: true, force: true });
  };
  const interrupted = (): never => process.exit(130); // which clears
  process.once("exit", clear);
  for (const signal of SIGNALS) process.once(signal, interrupted);
  let late = false;
  const timer = setTimeout(() => (late = stop()), of.limit);
  try {
    const ended = new Promise<string>((resolve, reject) => {
      qemu.once("error", reject);
      qemu.once("close", (code, signal) => resolve(String(signal ?? code)));
    });
    if (qemu.stdout !== null) for await (const text of createInterface(qemu.stdout)) line(text);
    const how = await ended;
    const said = readFileSync(consoleFile, "utf8").trim();
    if (late) throw new Error(`${of.machine.name} was stopped after ${of.limit / 60_000} minutes\n${said}`);
    if (how !== "0") throw new Error(`${of.machine.name}: qemu ended with ${how}\n${said}`);
    if (/\b(BUG|Oops|Kernel panic|Call Trace)\b/.test(said))
      throw new Error(`${of.machine.name}: its kernel complains\n${said}`);
  } finally {
    clearTimeout(timer);
    process.off("exit", clear);
    for (const signal of SIGNALS) process.off(signal, interrupted);
    clear();
  }
}
