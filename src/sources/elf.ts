import type { Slice } from "./slice.ts";

/** What a dynamically linked program or library says it needs (elf(5)). */
export type Elf = {
  readonly bits: 32 | 64;
  readonly little: boolean;
  readonly machine: number;
  /** PT_INTERP: the loader, absent in static programs and libraries. */
  readonly interpreter?: string;
  readonly needed: readonly string[];
  /** Directories of DT_RPATH and DT_RUNPATH, as written: `$ORIGIN/../lib`. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
};

const PT = { LOAD: 1, DYNAMIC: 2, INTERP: 3 } as const;
const DT = { NULL: 0, NEEDED: 1, STRTAB: 5, RPATH: 15, RUNPATH: 29 } as const;
/** Of a real program all is far below; a hostile file must not make us read it from one end to the other. */
const MOST = { headers: 4096, header: 256, dynamic: 1 << 20, needed: 4096, text: 4096 } as const;

class Broken extends Error {}

/** A window on the file in its own byte order; reading past its end is what "truncated" means. */
class View {
  readonly bits: 32 | 64;
  readonly little: boolean;
  readonly #slice: Slice;
  constructor(slice: Slice, bits: 32 | 64, little: boolean) {
    this.#slice = slice;
    this.bits = bits;
    this.little = little;
  }

  data(offset: number, length: number): DataView {
    const bytes = this.#slice(offset, length);
    if (bytes.length < length) throw new Broken();
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  /** An address or size: 4 bytes or 8, as the class of the file is. */
  word(data: DataView, at: number): number {
    const value = this.bits === 32 ? data.getUint32(at, this.little) : data.getBigUint64(at, this.little);
    if (value > Number.MAX_SAFE_INTEGER) throw new Broken();
    return Number(value);
  }

  /** Up to its NUL. */
  text(offset: number): string {
    const bytes = this.#slice(offset, MOST.text);
    const end = bytes.indexOf(0);
    if (end < 0) throw new Broken();
    return new TextDecoder().decode(bytes.subarray(0, end));
  }
}

type Segment = {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
};

/** Reads an ELF file's headers. `none`: another kind of file; `broken`: it begins as one and cannot be read to the end. Total. */
export function readElf(slice: Slice): Elf | "none" | "broken" {
  const ident = slice(0, 16);
  if (ident.length < 4 || ident[0] !== 0x7f || String.fromCharCode(...ident.subarray(1, 4)) !== "ELF")
    return "none";
  const [bits, order] = [ident[4], ident[5]];
  if ((bits !== 1 && bits !== 2) || (order !== 1 && order !== 2)) return "broken";
  try {
    return parse(new View(slice, bits === 1 ? 32 : 64, order === 1));
  } catch (error) {
    if (error instanceof Broken) return "broken";
    throw error;
  }
}

function parse(view: View): Elf {
  const { bits, little } = view;
  const header = view.data(0, bits === 64 ? 64 : 52);
  const segments = segmentsOf(view, header);
  const interpreter = segments.find((s) => s.type === PT.INTERP);
  const dynamic = segments.find((s) => s.type === PT.DYNAMIC);
  const { needed, rpath, runpath } = dynamic === undefined ? NOTHING : linksOf(view, dynamic, segments);
  return {
    bits,
    little,
    machine: header.getUint16(18, little),
    ...(interpreter === undefined ? {} : { interpreter: view.text(interpreter.offset) }),
    needed,
    rpath,
    runpath,
  };
}

type Links = Pick<Elf, "needed" | "rpath" | "runpath">;
const NOTHING: Links = { needed: [], rpath: [], runpath: [] };

function segmentsOf(view: View, header: DataView): readonly Segment[] {
  const { bits, little } = view;
  const wide = bits === 64;
  const start = view.word(header, wide ? 32 : 28);
  const size = header.getUint16(wide ? 54 : 42, little);
  const count = header.getUint16(wide ? 56 : 44, little);
  if (count === 0) return [];
  if (count > MOST.headers || size < (wide ? 56 : 32) || size > MOST.header) throw new Broken();
  const table = view.data(start, count * size);
  return Array.from({ length: count }, (_, i) => {
    const at = i * size;
    return {
      type: table.getUint32(at, little),
      offset: view.word(table, at + (wide ? 8 : 4)),
      address: view.word(table, at + (wide ? 16 : 8)),
      size: view.word(table, at + (wide ? 32 : 16)),
    };
  });
}

function linksOf(view: View, dynamic: Segment, segments: readonly Segment[]): Links {
  const step = view.bits / 8;
  if (dynamic.size > MOST.dynamic) throw new Broken();
  const table = view.data(dynamic.offset, dynamic.size);
  const found = new Map<number, number[]>();
  for (let at = 0; at + 2 * step <= dynamic.size; at += 2 * step) {
    const tag = view.word(table, at);
    if (tag === DT.NULL) break;
    if (tag !== DT.NEEDED && tag !== DT.STRTAB && tag !== DT.RPATH && tag !== DT.RUNPATH) continue;
    const values = found.get(tag) ?? [];
    if (values.push(view.word(table, at + step)) > MOST.needed) throw new Broken();
    found.set(tag, values);
  }
  const [strings] = found.get(DT.STRTAB) ?? [];
  const texts = (tag: number): string[] => {
    const offsets = found.get(tag) ?? [];
    if (offsets.length > 0 && strings === undefined) throw new Broken();
    return offsets.map((offset) => view.text(fileOffset(strings!, segments) + offset));
  };
  const dirs = (tag: number): string[] => texts(tag).flatMap((text) => text.split(":").filter(Boolean));
  return { needed: texts(DT.NEEDED), rpath: dirs(DT.RPATH), runpath: dirs(DT.RUNPATH) };
}

/** Where in the file lies what is mapped at an address. */
function fileOffset(address: number, segments: readonly Segment[]): number {
  const segment = segments.find(
    (s) => s.type === PT.LOAD && address >= s.address && address < s.address + s.size,
  );
  if (segment === undefined) throw new Broken();
  return address - segment.address + segment.offset;
}
