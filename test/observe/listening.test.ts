import assert from "node:assert/strict";
import test from "node:test";
import { listening } from "#observe/listening";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n";
/** A line as Linux 6.18 prints it: filled up to 149 characters. */
const line = (sl: number, local: string, remote: string, state: string, inode: number): string =>
  `${`${sl}`.padStart(4)}: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 00000000f3b1b2a1 100 0 0 10 0`.padEnd(
    149,
  ) + "\n";

test("a socket that listens on the port is found at any address, by its inode", () => {
  const text =
    HEAD +
    line(0, "0100007F:1F90", "00000000:0000", "0A", 311) +
    line(1, "00000000:1F90", "00000000:0000", "0A", 312) +
    line(10_000, "0B00007F:1F90", "00000000:0000", "0A", 313);
  assert.deepEqual(listening(text, 8080), ["311", "312", "313"]);
  const six = HEAD + line(0, `${"0".repeat(32)}:0050`, `${"0".repeat(32)}:0000`, "0A", 4_294_967_295);
  assert.deepEqual(listening(six, 80), ["4294967295"]);
});

test("a connection to or from the port, another port and a line that is cut short are none", () => {
  const text =
    HEAD +
    // Established, in TIME_WAIT, and a connection that is not accepted yet.
    line(0, "0100007F:1F90", "0100007F:B3DE", "01", 311) +
    line(1, "0100007F:1F90", "0100007F:B3DE", "06", 0) +
    line(2, "0100007F:1F90", "0100007F:B3DE", "03", 0) +
    line(3, "0100007F:B3DE", "0100007F:1F90", "0A", 314) +
    line(4, "00001F90:0050", "00000000:0000", "0A", 315) +
    line(5, "0100007F:01F9", "00000000:0000", "0A", 316);
  assert.deepEqual(listening(text, 8080), []);
  assert.deepEqual(listening("   0: 0100007F:1F90 00000000:0000 0A", 8080), []);
  for (const none of ["", "\n\n", HEAD]) assert.deepEqual(listening(none, 8080), []);
});

test("small ports are filled up with zeros, and the last one is one", () => {
  const text =
    line(0, "00000000:0016", "00000000:0000", "0A", 1) + line(1, "00000000:FFFF", "00000000:0000", "0A", 2);
  assert.deepEqual(listening(text, 22), ["1"]);
  assert.deepEqual(listening(text, 65_535), ["2"]);
  assert.deepEqual(listening(text, 6), []);
});
