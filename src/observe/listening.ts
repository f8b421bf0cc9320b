/** The state of a socket that listens, as these files print it (TCP_LISTEN of net/tcp_states.h). */
const LISTEN = "0A";

/** Inodes of the sockets that listen on a port, at whatever address: out of /proc/PID/net/tcp or tcp6 (proc_pid_net(5)). */
export function listening(text: string, port: number): readonly string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === LISTEN && local.endsWith(end) && inode !== undefined ? [inode] : [];
  });
}
