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
  (v, at) =>
    Array.isArray(v) ? first(v.map((item, i) => () => of(item, `${at}[${i}]`))) : wrong(at, "a list");

const isObject = (v: unknown): v is Readonly<Record<string, unknown>> =>
  typeof v === "object" && v !== null && !Array.isArray(v);

export const dictionary =
  (of: Check): Check =>
  (v, at) =>
    isObject(v)
      ? first(
          Object.entries(v).map(
            ([key, item]) =>
              () =>
                of(item, `${at}.${key}`),
          ),
        )
      : wrong(at, "an object");

/** An object with these keys, and perhaps those. Others are let through: what a later version adds keeps the format's number. */
export const object =
  (required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check =>
  (v, at) => {
    if (!isObject(v)) return wrong(at, "an object");
    const under = (key: string): string => (at === "" ? key : `${at}.${key}`);
    return first([
      ...Object.entries(required).map(
        ([key, check]) =>
          () =>
            v[key] === undefined ? `${under(key)} is missing` : check(v[key], under(key)),
      ),
      ...Object.entries(optional).map(
        ([key, check]) =>
          () =>
            v[key] === undefined ? undefined : check(v[key], under(key)),
      ),
    ]);
  };

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

function first(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const problem = check();
    if (problem !== undefined) return problem;
  }
  return undefined;
}
