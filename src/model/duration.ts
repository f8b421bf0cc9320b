const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** What timers take: 24.8 days. */
const MOST = 2 ** 31 - 1;

/** As one would write it: `30s`, `1.5s`, `250ms`. */
export function formatDuration(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}

/** `30s`, `500ms`, `1.5m`, `1h30m`: milliseconds; undefined where it is none. A number without a unit is none. */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d{1,9}(\.\d{1,9})?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g))
    total += Number(amount) * UNITS[unit!]!;
  return total <= MOST ? Math.round(total) : undefined;
}
