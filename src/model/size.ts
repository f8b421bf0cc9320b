const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes for people, powers of 1024, at most one decimal: `83.1 MiB`. */
export function formatBytes(bytes: bigint | number | string): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/**
 * `a number with K, M or G (any case, with or without i and B)`: bytes, powers of 1024; undefined where it is not one. A number alone
 * is bytes, which have no fractions. At most 2^53−1.
 */
export function parseBytes(text: string): bigint | undefined {
  const match = /^(\d{1,16})(?:(?:\.(\d{1,9}))?\s*([kmgt])i?b?|\s*b?)$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, whole = "0", fraction = "", unit = ""] = match;
  const factor = 1024n ** BigInt(["", "k", "m", "g", "t"].indexOf(unit.toLowerCase()));
  const bytes =
    BigInt(whole) * factor + (BigInt(`${fraction}0`) * factor) / 10n ** BigInt(fraction.length + 1);
  return bytes <= BigInt(Number.MAX_SAFE_INTEGER) ? bytes : undefined;
}
