import type { AbsPath, EnvId, Lineage } from "./brand.ts";
import { join } from "./brand.ts";
import type { Place } from "./observed.ts";

/** `NAME-XXXXXXXX`; `digest` is the hex sha256 of the real path of the file's directory. */
export function envId(name: string, digest: string): EnvId {
  return `${name}-${digest.slice(0, 8)}` as EnvId;
}

export const NAME_PATTERN: RegExp = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}-[0-9a-f]{8}(\.r[1-9]\d*)?$/;

/** Whether a directory name under STATE/envs can be one of ours. */
export function isEnvId(text: string): text is EnvId {
  return ID_PATTERN.test(text);
}

/** The id of throwaway instance `n`. */
export function instanceId(id: EnvId, n: number): EnvId {
  return `${id}.r${n}` as EnvId;
}

/** The environment a throwaway instance belongs to; undefined for an environment. */
export function instanceOf(id: EnvId): EnvId | undefined {
  const at = id.lastIndexOf(".r");
  return at < 0 ? undefined : (id.slice(0, at) as EnvId);
}

/** What an environment or instance is called: `web`, `web.r1`. */
export function shownName({ id, name }: { readonly id: EnvId; readonly name: string }): string {
  const env = instanceOf(id);
  return env === undefined ? name : name + id.slice(env.length);
}

/** The mount source that overlays of an environment carry. */
export function mountTag(lineage: Lineage, id: EnvId): string {
  return `envctl:${lineage}:${id}`;
}

/** Where an environment's things lie below a state directory. */
export function placeOf(state: AbsPath, id: EnvId): Place {
  const dir = join(state, "envs", id);
  const rw = join(dir, "rw");
  return {
    state,
    dir,
    merged: join(dir, "merged"),
    rw,
    upper: join(rw, "upper"),
    work: join(rw, "work"),
    init: join(dir, "init"),
    initWork: join(dir, "init.work"),
  };
}

/** The group of an environment below `base`, a hierarchy's root or a group in it. */
export function cgroupDir(base: AbsPath, lineage: Lineage, id: EnvId): AbsPath {
  return join(base, `envctl-${lineage}`, id);
}
