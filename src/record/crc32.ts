let table: Int32Array | undefined;

/**
 * CRC-32 (ISO 3309, as in gzip) of a text's UTF-8, eight hex digits. A record's checksum tells damage, not malice: whoever may write the
 * file is root. Of 4 kB in a process that just began it takes 0.6 ms, sha256 4 ms.
 */
export function crc32(text: string): string {
  table ??= Int32Array.from({ length: 256 }, (_, n) => remainder(n));
  let crc = -1;
  const bytes = new TextEncoder().encode(text);
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!;
  return (~crc >>> 0).toString(16).padStart(8, "0");
}

function remainder(byte: number): number {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  return crc;
}
