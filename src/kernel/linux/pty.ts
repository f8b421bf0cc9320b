import { libcFunction } from "./ffi.ts";
import { O } from "./flags.ts";
import { close, fchown, ioctl, openat } from "./syscalls-file.ts";

// ioctl_tty(2), <asm-generic/ioctls.h>: the same on x86, arm and riscv.
const TCGETS = 0x5401;
const TIOCGPGRP = 0x540f;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const UNCHANGED = 0xffffffff;

/** Both ends of a pseudoterminal. */
export type Pty = { readonly master: number; readonly slave: number };

/** A new terminal of the devpts instance at `pts`, its user's; nobody's controlling terminal yet. @throws KernelError */
export function openPty(pts: number, uid: number): Pty {
  const master = openat(pts, "ptmx", O.RDWR | O.NOCTTY);
  try {
    ioctl(master, "TIOCSPTLCK", TIOCSPTLCK, Buffer.alloc(4));
    // Linux 4.13; by descriptor, since no path leads to an instance that is not mounted yet.
    const slave = ioctl(master, "TIOCGPTPEER", TIOCGPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC);
    fchown(slave, uid, UNCHANGED);
    return { master, slave };
  } catch (error) {
    close(master);
    throw error;
  }
}

/** Gives a terminal the size of the first of `from` that has one, or the usual 24 rows of 80. */
export function copySize(from: readonly number[], to: number): void {
  const size = Buffer.alloc(8);
  const has = from.some((fd) => {
    try {
      ioctl(fd, "TIOCGWINSZ", TIOCGWINSZ, size);
      return size.readUInt16LE(0) > 0;
    } catch {
      return false; // no terminal
    }
  });
  if (!has) size.writeUInt32LE(24 | (80 << 16));
  ioctl(to, "TIOCSWINSZ", TIOCSWINSZ, size);
}

/** What a terminal makes of characters that are typed, and who is in its foreground, in our numbers. */
export function lineOf(master: number): {
  /** The signal a character sends, where it sends one. */
  readonly signalOf: (byte: number) => string | undefined;
  /** Ends a line that is read, or the file; undefined where characters are handed on as they come. */
  readonly eof: number | undefined;
  readonly foreground: number;
} {
  // struct termios: four words of flags, c_line, then c_cc with VINTR, VQUIT, …, VEOF (4).
  const settings = Buffer.alloc(64);
  ioctl(master, "TCGETS", TCGETS, settings);
  const [ISIG, ICANON] = [1, 2];
  const local = settings.readUInt32LE(12);
  const [intr, quit, , , eof] = settings.subarray(17);
  const group = Buffer.alloc(4);
  ioctl(master, "TIOCGPGRP", TIOCGPGRP, group);
  return {
    signalOf: (byte) =>
      (local & ISIG) === 0 ? undefined : byte === intr ? "SIGINT" : byte === quit ? "SIGQUIT" : undefined,
    eof: (local & ICANON) === 0 ? undefined : eof,
    foreground: group.readInt32LE(0),
  };
}

/** Makes a terminal hand on every character as it comes (cfmakeraw(3)); answers how to put it back. Nothing to do where it is none. */
export function makeRaw(fd: number): () => void {
  const tcgetattr = libcFunction("int tcgetattr(int fd, _Out_ void *settings)");
  const tcsetattr = libcFunction("int tcsetattr(int fd, int when, const void *settings)");
  const cfmakeraw = libcFunction("void cfmakeraw(_Inout_ void *settings)");
  const before = Buffer.alloc(128);
  if (tcgetattr(fd, before) !== 0) return () => undefined;
  const raw = Buffer.from(before);
  cfmakeraw(raw);
  const [TCSANOW, TCSADRAIN] = [0, 1];
  tcsetattr(fd, TCSADRAIN, raw);
  return () => void tcsetattr(fd, TCSANOW, before);
}
