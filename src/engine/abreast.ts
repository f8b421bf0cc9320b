import type { Plan } from "#model/plan";

/** So many are under way at once: while one waits for the disk, others are mounted. */
const ABREAST = 8;

/**
 * Carries plans out, begun in their order, each by `one`, which answers whether to begin more. One by one where some make what others may
 * need too (a stored layer, a missing source): then who made it is who takes it away again. @throws what `one` threw, once all are done
 */
export async function abreast(plans: readonly Plan[], one: (plan: Plan) => Promise<boolean>): Promise<void> {
  const left = [...plans];
  const next = async (): Promise<void> => {
    for (let plan = left.shift(); plan !== undefined; plan = left.shift()) {
      if (!(await one(plan))) left.length = 0;
    }
  };
  const width = plans.some(makesForOthers) ? 1 : ABREAST;
  const ends = await Promise.allSettled(Array.from({ length: width }, next));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

function makesForOthers({ actions, observed }: Plan): boolean {
  const sources = actions.some(
    (a) => a.kind === "volume" && a.op !== "delete" && "create" in a.after && a.after.create !== undefined,
  );
  return sources || (observed.absentLayers ?? []).length > 0;
}
