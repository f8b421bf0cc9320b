// A program: node deny.js NUMBER ERRNO COMMAND [ARG…] becomes the command under a filter that answers one system call with an error, as a
// container's seccomp profile does with calls it does not know. Plain JavaScript: it also runs where Node has no WebAssembly to strip types with.
import koffi from "koffi";

const [PR_SET_SECCOMP, SECCOMP_MODE_FILTER] = [22, 2];
const [ALLOW, ERRNO] = [0x7fff0000, 0x00050000];

/** One sock_filter of linux/filter.h. */
function instruction(code, jumpTrue, jumpFalse, k) {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(jumpTrue, 2);
  bytes.writeUInt8(jumpFalse, 3);
  bytes.writeUInt32LE(k, 4);
  return bytes;
}

const [number, errno, command = "", ...rest] = process.argv.slice(2);
const filter = Buffer.concat([
  instruction(0x20, 0, 0, 0), // load the number of the call
  instruction(0x15, 0, 1, Number(number)), // is it this one?
  instruction(0x06, 0, 0, ERRNO | Number(errno)),
  instruction(0x06, 0, 0, ALLOW),
]);
koffi.struct("sock_fprog", { len: "uint16", filter: "void *" });
const prctl = koffi.load(null).func("int prctl(int option, ulong mode, sock_fprog *program, ulong, ulong)");
if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, { len: 4, filter }, 0, 0) !== 0)
  throw new Error(`no filter can be installed: errno ${koffi.errno()}`);
process.execve(command, [command, ...rest], process.env);
