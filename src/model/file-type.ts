export type FileType = "file" | "dir" | "symlink" | "char" | "block" | "fifo" | "socket";

/** What each is called in a sentence. */
export const CALLED: Readonly<Record<FileType, string>> = {
  file: "a file",
  dir: "a directory",
  symlink: "a symlink",
  char: "a device",
  block: "a device",
  fifo: "a fifo",
  socket: "a socket",
};
