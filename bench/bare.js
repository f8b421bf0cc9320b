// The least a Node program can do for many environments: read their files, and mount one overlay and their volumes each on directories that
// are there, in the host's own namespace. No check, no plan, no lock, no undoing. With `records` it writes two a piece as envctl does, each
// synced with its directory.
//   node bench/bare.js DIRECTORY-OF-FILES ROOTFS DIRECTORY-OF-PLACES [records]
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from "node:fs";
import koffi from "koffi";
import { parse } from "yaml";

const [files, rootfs, place, records] = process.argv.slice(2);
const libc = koffi.load(null);
const AT_FDCWD = -100;
const EMPTY = ""; // with MOVE_MOUNT_F_EMPTY_PATH and AT_EMPTY_PATH

/** A system call by x86_64's and every other machine's number: those of 5.2 and newer are the same everywhere. */
function call(number, ...types) {
  const native = libc.func("syscall", "long", ["long", ...types]);
  return (...args) => {
    const answer = native(number, ...args);
    if (answer < 0) throw new Error(`system call ${number}(${args.join(", ")}): errno ${koffi.errno()}`);
    return answer;
  };
}
const openTree = call(428, "int", "void *", "uint");
const moveMount = call(429, "int", "void *", "int", "void *", "uint");
const fsopen = call(430, "void *", "uint");
const fsconfig = call(431, "int", "uint", "void *", "void *", "int");
const fsmount = call(432, "int", "uint", "uint");
const mountSetattr = call(442, "int", "void *", "uint", "void *", "ulong");

const attributes = Buffer.alloc(32);
attributes.writeBigUInt64LE(6n); // nosuid, nodev
const directory = openSync(place, "r");

function record(name) {
  if (records === undefined) return;
  const fd = openSync(`${place}/${name}.new`, "w");
  writeSync(fd, "x".repeat(1500));
  fsyncSync(fd);
  closeSync(fd);
  renameSync(`${place}/${name}.new`, `${place}/${name}.json`);
  fsyncSync(directory);
}

function attach(tree, at) {
  moveMount(tree, EMPTY, AT_FDCWD, at, 4);
  closeSync(tree);
}

for (const [n, file] of readdirSync(files).entries()) {
  const { name, volumes } = parse(readFileSync(`${files}/${file}`, "utf8"));
  record(name);
  const dir = `${place}/${n}`;
  const context = fsopen("overlay", 1);
  for (const [key, value] of [
    ["lowerdir", rootfs],
    ["upperdir", `${dir}/u`],
    ["workdir", `${dir}/w`],
  ])
    fsconfig(context, 1, key, value, 0);
  fsconfig(context, 6, null, null, 0);
  attach(fsmount(context, 1, 0), `${dir}/m`);
  closeSync(context);
  for (const volume of volumes) {
    const [source, target] = volume.split(":");
    const tree = openTree(AT_FDCWD, `${files}/${source}`, 0x80001);
    mountSetattr(tree, EMPTY, 0x1000, attributes, 32);
    attach(tree, `${dir}/m${target}`);
  }
  record(name);
}
