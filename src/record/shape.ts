/** Says what is wrong with a value, or nothing. `at` is where it is: `resources[2].path`. */
export type Check = (value: unknown, at: string) => string | undefined;

/** A small structural check in place of zod: reading a record is on the way of every `plan` (zod/mini costs 3 ms to load). */
const wrong = (at: string, what: string): string => `${at} is not ${what}`;

export const text: Check = (v, at) => (typeof v === "string" ? undefined : wrong(at, "a text"));
export const whole: Check = (v, at) => (Number.isSafeInteger(v) ? undefined : wrong(at, "a whole number"));
export const number: Check = (v, at) => (Number.isFinite(v) ? undefined : wrong(at, "a number"));
export const flag: Check = (v, at) => (typeof v === "boolean" ? undefined : wrong(at, "true or false"));

export const matching =
  (pattern: RegExp, what: string): Check =>
  (v, at) =>
    typeof v === "string" && pattern.test(v) ? undefined : wrong(at, what);

/** An absolute path without `.` and `..`. */
export const path: Check = (v, at) =>
  typeof v === "string" && v.startsWith("/") && !/(^|\/)\.\.?(\/|$)/.test(v)
    ? undefined
    : wrong(at, "an absolute path");

export const oneOf =
  (...values: readonly (string | number)[]): Check =>
  (v, at) =>
    values.includes(v as string) ? undefined : wrong(at, `one of ${values.join(", ")}`);

export const list =
  (of: Check): Check =>
  (v, at) => {
    if (!Array.isArray(v)) return wrong(at, "a list");
    for (const [i, item] of v.entries()) {
      const problem = of(item, `${at}[${i}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };

type Dictionary = Readonly<Record<string, unknown>>;

const isObject = (v: unknown): v is Dictionary => typeof v === "object" && v !== null && !Array.isArray(v);
const under = (at: string, key: string): string => (at === "" ? key : `${at}.${key}`);

export const dictionary =
  (of: Check): Check =>
  (v, at) => {
    if (!isObject(v)) return wrong(at, "an object");
    for (const key in v) {
      const problem = of(v[key], under(at, key));
      if (problem !== undefined) return problem;
    }
    return undefined;
  };

/** An object with these keys, and perhaps those. Others are let through: what a later version adds keeps the format's number. */
export const object =
  (required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check =>
  (v, at) => {
    if (!isObject(v)) return wrong(at, "an object");
    for (const key in required) if (v[key] === undefined) return `${under(at, key)} is missing`;
    return checked(required, v, at) ?? checked(optional, v, at);
  };

function checked(checks: Readonly<Record<string, Check>>, v: Dictionary, at: string): string | undefined {
  for (const key in checks) {
    const problem = v[key] === undefined ? undefined : checks[key]!(v[key], under(at, key));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** A union told apart by `kind`. */
export const kinds =
  (variants: Readonly<Record<string, Check>>): Check =>
  (v, at) => {
    const kind = isObject(v) ? v["kind"] : undefined;
    const check = typeof kind === "string" && Object.hasOwn(variants, kind) ? variants[kind] : undefined;
    return check === undefined
      ? wrong(`${at}.kind`, `one of ${Object.keys(variants).join(", ")}`)
      : check(v, at);
  };
