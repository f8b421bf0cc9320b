import type { AbsPath } from "#model/brand";
import { isWithin } from "#model/brand";

/** How the receiving end looks: everything a view knows about it. */
export type Look = {
  readonly color: boolean;
  readonly columns: number;
  /** Whether the locale's encoding is UTF-8; without it no symbol leaves ASCII. */
  readonly unicode: boolean;
  /** Paths below it are shown relative to it. */
  readonly cwd: AbsPath;
};

/** Symbols that exist in two spellings. */
export type Symbols = {
  readonly ok: string;
  readonly failed: string;
  readonly skipped: string;
  readonly to: string;
  readonly more: string;
};

const UNICODE: Symbols = { ok: "✔", failed: "✘", skipped: "-", to: "→", more: "…" };
const ASCII: Symbols = { ok: "ok    ", failed: "failed", skipped: "-     ", to: "->", more: "..." };

/** The spelling that the receiving end can show. */
export function symbols(look: Look): Symbols {
  return look.unicode ? UNICODE : ASCII;
}

/** Prose is not stretched over a wide terminal. */
export function proseColumns(look: Look): number {
  return Math.min(look.columns, 100) - 2;
}

/** A path as somebody in the working directory would type it. */
export function shown(path: string, look: Look): string {
  if (look.cwd === "/" || !isWithin(look.cwd, path)) return path;
  return path === look.cwd ? "." : path.slice(look.cwd.length + 1);
}

/** `web-tests.volume["/work"]` without the environment's name in front. */
export function shortAddress(address: string, name: string): string {
  return address.startsWith(`${name}.`) ? address.slice(name.length + 1) : address;
}
