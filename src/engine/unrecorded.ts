import type { EnvId } from "#model/brand";
import { failure } from "#model/diagnostic";
import { instanceOf, isEnvId, placeOf, shownName } from "#model/identity";
import type { Plan } from "#model/plan";
import { summarise } from "#model/plan";
import type { Overlay } from "#model/resource";
import { lookAtHost } from "#observe/host";
import { observe } from "#observe/observe";
import { groupAddress } from "#plan/groups";
import { plan } from "#plan/plan";
import type { ReadHost } from "./host.ts";
import { measured } from "./make-plan.ts";
import { obstruct } from "./obstacles.ts";
import type { OpenState } from "./state.ts";

/** All that an apply makes in an environment's directory, but for its record. */
const MADE = new Set(["merged", "rw", "init", "init.work", "runs", ".env.json.new"]);

/**
 * The destruction of what has no record, killed before its first or with one that was set aside. Tag and place prove overlays,
 * groups and directories ours; of volumes only a record could tell, so they stop it until somebody unmounts them. undefined where nothing
 * is there to be agreed to. @throws Failure bad_record where the directory holds something that no apply makes
 */
export function planUnrecorded(host: ReadHost, state: OpenState, id: EnvId): Plan | undefined {
  const { dir } = placeOf(state.path, id);
  const names = host.reader.listAny(dir) ?? [];
  const others = names.filter((name) => !MADE.has(name));
  if (!isEnvId(id) || others.length > 0) throw strange(id, `${dir}: ${others.join(", ")}`);
  const observed = observe(host.reader, id, state.lineage, state.path, {
    host: lookAtHost(host.reader, host.cgroupParent),
  });
  const { merged } = observed.place;
  const covered = observed.mounts.some((m) => m.point === merged);
  const lying = covered ? [] : (host.reader.listAny(merged) ?? []);
  if (lying.length > 0) throw strange(id, `${merged}: ${lying.join(", ")}`);
  const left = names.some((name) => name !== ".env.json.new") || observed.mounts.length > 0;
  const group = observed.cgroups.find(({ exists }) => exists);
  const name = shownName({ id, name: (instanceOf(id) ?? id).slice(0, -"-XXXXXXXX".length) });
  // An instance's directory goes unasked, as the next sweep takes it; a group may hold processes, which destroy would end.
  const before =
    left && instanceOf(id) === undefined
      ? overlayOf(name)
      : !left && group !== undefined
        ? { kind: "cgroup" as const, address: groupAddress(name), path: group.dir }
        : undefined;
  if (before === undefined) return undefined;
  const { address, kind } = before;
  const actions = [{ op: "delete", because: "requested", address, kind, before }] as const;
  const bare = plan({ intent: "destroy", placement: "private", id, name, file: dir, desired: [], observed });
  return obstruct(host, measured(host, { ...bare, actions, summary: summarise(actions) }));
}

function strange(id: EnvId, detail: string): Error {
  return failure(1, "bad_record", `${id} has no record, and holds what envctl did not make`, {
    detail,
    hint: "Move it elsewhere, then repeat the command.",
  });
}

/** Nothing but its name is known of it. */
function overlayOf(name: string): Overlay {
  const root = { mode: 0o755, uid: 0, gid: 0 };
  const init = { hostname: name, resolv: "none" } as const;
  return {
    kind: "overlay",
    address: `${name}.overlay`,
    lowers: [],
    upper: { kind: "disk" },
    options: {},
    init,
    root,
  };
}
