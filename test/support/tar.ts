// Archives of a project's rootfs, and archives with members no honest tar would write (POSIX pax, "ustar Interchange Format").
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Project } from "./project.ts";

export type Member =
  | { readonly name: string; readonly type: "file"; readonly text: string }
  | { readonly name: string; readonly type: "dir"; readonly mode?: number }
  | { readonly name: string; readonly type: "symlink" | "hardlink"; readonly to: string }
  | { readonly name: string; readonly type: "char"; readonly major: number; readonly minor: number };

const FLAGS = { file: "0", hardlink: "1", symlink: "2", char: "3", dir: "5" } as const;
const BLOCK = 512;

/** One archive of these members, in their order and with their names as they are; long ones in GNU's own way. */
export function tarOf(members: readonly Member[]): Uint8Array {
  return Buffer.concat([...members.flatMap(blocks), Buffer.alloc(2 * BLOCK)]);
}

function blocks(member: Member): readonly Buffer[] {
  const { name, type } = member;
  const to = "to" in member ? member.to : "";
  const data = Buffer.from(type === "file" ? member.text : "");
  const mode = type === "dir" ? (member.mode ?? 0o755) : 0o644;
  const devices = type === "char" ? ([member.major, member.minor] as const) : ([0, 0] as const);
  return [
    ...long("L", name),
    ...long("K", to),
    header(name, FLAGS[type], data.length, to, mode, devices),
    padded(data),
  ];
}

/** A name of more than 99 bytes comes before its member, as the content of one of its own. */
function long(flag: "L" | "K", text: string): readonly Buffer[] {
  const data = Buffer.from(`${text}\0`);
  return data.length <= 100
    ? []
    : [header("././@LongLink", flag, data.length, "", 0o644, [0, 0]), padded(data)];
}

function header(
  name: string,
  flag: string,
  size: number,
  to: string,
  mode: number,
  [major, minor]: readonly [number, number],
): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): number =>
    block.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  block.write(name.slice(0, 100), 0, "latin1");
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  block.write(flag, 156, "latin1");
  block.write(to.slice(0, 100), 157, "latin1");
  block.write("ustar  \0", 257, "latin1");
  octal(major, 329, 7);
  octal(minor, 337, 7);
  block.fill(" ", 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
}

/** Packs the project's rootfs into images/NAME and answers its sha256. */
export function pack(p: Project, name: string, ...options: readonly string[]): string {
  mkdirSync(join(p.dir, "images"), { recursive: true });
  const file = join(p.dir, "images", name);
  const { status, stderr } = spawnSync("tar", ["-C", join(p.dir, "rootfs"), ...options, "-cf", file, "."], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return sha256(file);
}

const sha256 = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");
