/** What is copied into a shell or an editor is never broken, so it may stick out. */
export const uncut: RegExp = /\/|--|=|^ *[✔✘-] /;
