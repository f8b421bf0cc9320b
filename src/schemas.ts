// The published JSON Schemas, as they lie in schemas/: loaded by `envctl schema` alone.
import apply from "#package/schemas/apply" with { type: "json" };
import destroy from "#package/schemas/destroy" with { type: "json" };
import doctor from "#package/schemas/doctor" with { type: "json" };
import drift from "#package/schemas/drift" with { type: "json" };
import env from "#package/schemas/env" with { type: "json" };
import error from "#package/schemas/error" with { type: "json" };
import graph from "#package/schemas/graph" with { type: "json" };
import init from "#package/schemas/init" with { type: "json" };
import ls from "#package/schemas/ls" with { type: "json" };
import plan from "#package/schemas/plan" with { type: "json" };
import logs from "#package/schemas/logs" with { type: "json" };
import ps from "#package/schemas/ps" with { type: "json" };
import show from "#package/schemas/show" with { type: "json" };
import version from "#package/schemas/version" with { type: "json" };
import validate from "#package/schemas/validate" with { type: "json" };

export const schemas: Readonly<Record<string, object>> = {
  env,
  plan,
  apply,
  destroy,
  drift,
  ls,
  show,
  ps,
  logs,
  validate,
  doctor,
  init,
  graph,
  version,
  error,
};
