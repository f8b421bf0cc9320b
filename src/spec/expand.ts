/** Of what a scalar says after substitution; `substituted` where any `${…}` stood in it, taken from a default too. */
export type Expanded = { readonly text: string; readonly substituted: boolean };

/** A mistake in a substitution, at `start` in the scalar's text. */
export type Slip = {
  readonly code: "bad_variable" | "unset_variable";
  readonly start: number;
  readonly length: number;
  readonly summary: string;
  readonly detail: string;
};

export type Lookup = (name: string) => string | undefined;

const FORMS = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $$ is a plain $";
const HEAD = /\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(\}|:-|:\?)|\{)/y;
/** Enough for a default within a default; a guard against a file that nests thousands. */
const MOST_LEVELS = 8;

/**
 * Substitutes `${VAR}`, `${VAR:-default}` (unset or empty; the default may hold substitutions), `${VAR:?message}` and `$$`. `$X` without braces
 * stays. All slips of the text are collected; with one the result is undefined.
 */
export function expand(
  text: string,
  lookup: Lookup,
): { readonly result?: Expanded; readonly slips: readonly Slip[] } {
  if (!text.includes("$")) return { result: { text, substituted: false }, slips: [] };
  const slips: Slip[] = [];
  let at = 0;
  let substituted = false;

  const slip = (code: Slip["code"], start: number, summary: string, detail: string): string => {
    slips.push({ code, start, length: at - start, summary, detail });
    return "";
  };

  /** Up to the end of the text, or inside braces up to the closing one. */
  function run(level: number, wanted: boolean): string {
    let out = "";
    while (at < text.length && !(level > 0 && text[at] === "}")) {
      if (text[at] === "$") out += dollar(level, wanted);
      else out += text[at++];
    }
    return out;
  }

  function dollar(level: number, wanted: boolean): string {
    const start = at;
    HEAD.lastIndex = at;
    const head = HEAD.exec(text);
    if (head === null) return text[at++]!;
    at = HEAD.lastIndex;
    if (head[0] === "$$") return "$";
    substituted = true;
    const [, name, operator] = head;
    if (name === undefined || level >= MOST_LEVELS) return malformed(start);
    const value = lookup(name);
    if (operator === "}") return value ?? (wanted ? unset(start, name) : "");
    const needed = wanted && (value === undefined || value === "");
    const rest = operator === ":-" ? run(level + 1, needed) : message();
    if (at === text.length) return slip("bad_variable", start, "${ without }", FORMS);
    at++;
    if (!needed) return value ?? "";
    return operator === ":-"
      ? rest
      : slip("unset_variable", start, `variable ${name} is not set`, rest || hint(name));
  }

  const hint = (name: string): string =>
    `set it, pass --var ${name}=VALUE, or write a default: \${${name}:-…}`;
  const unset = (start: number, name: string): string =>
    slip("unset_variable", start, `variable ${name} is not set`, hint(name));

  function message(): string {
    const start = at;
    at = closing();
    return text.slice(start, at);
  }

  function malformed(start: number): string {
    const end = closing();
    at = Math.min(end + 1, text.length);
    return slip("bad_variable", start, end === text.length ? "${ without }" : "not a substitution", FORMS);
  }

  function closing(): number {
    const end = text.indexOf("}", at);
    return end < 0 ? text.length : end;
  }

  const out = run(0, true);
  return slips.length > 0 ? { slips } : { result: { text: out, substituted }, slips };
}
