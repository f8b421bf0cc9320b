// The smallest programs there are: an ELF header, one segment, one instruction that the processor refuses.
import { endianness } from "node:os";

/** e_machine (elf.h) and an instruction that raises each signal. */
const MACHINES: Readonly<
  Record<string, { readonly machine: number; readonly faults: Readonly<Record<string, string>> }>
> = {
  x64: { machine: 62, faults: { SIGILL: "0f0b", SIGSEGV: "f4", SIGTRAP: "cc" } },
  // udf #0; ldr x0, [xzr-like address 0]: mov x0, #0; ldr x0, [x0]; brk #0
  arm64: { machine: 183, faults: { SIGILL: "00000000", SIGSEGV: "000080d2000040f9", SIGTRAP: "000020d4" } },
};

/** An executable that dies of this signal at its first instruction, as a fault of its own; undefined on machines it is not known for. */
export function faulting(signal: "SIGILL" | "SIGSEGV" | "SIGTRAP"): Uint8Array | undefined {
  const known = MACHINES[process.arch];
  if (known === undefined || endianness() !== "LE") return undefined;
  const code = Buffer.from(known.faults[signal]!, "hex");
  const [base, at] = [0x400000n, 0x78];
  const file = Buffer.alloc(at + code.length);
  file.write("\x7fELF\x02\x01\x01", 0, "latin1"); // 64 bits, little endian, version 1
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(known.machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(base + BigInt(at), 24); // e_entry
  file.writeBigUInt64LE(64n, 32); // e_phoff
  for (const [value, offset] of [
    [64, 52],
    [56, 54],
    [1, 56],
  ] as const)
    file.writeUInt16LE(value, offset); // sizes, one segment
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(5, 68); // readable, executable
  file.writeBigUInt64LE(base, 80);
  file.writeBigUInt64LE(base, 88);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(BigInt(file.length), 104);
  file.writeBigUInt64LE(0x1000n, 112);
  code.copy(file, at);
  return file;
}
