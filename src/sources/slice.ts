/** Bytes of a file from an offset on: fewer than asked for where it ends before. */
export type Slice = (offset: number, length: number) => Uint8Array;
