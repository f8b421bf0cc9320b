import type { Plan } from "#model/plan";
import type { Declared } from "./load.ts";

/** A plan with what it was made from. */
export type Planned = { readonly plan: Plan; readonly declared: Declared };
