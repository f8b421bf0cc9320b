import manifest from "../../../package.json" with { type: "json" };

/** Of this package; the bundle carries the words themselves. */
export const version: string = manifest.version;
