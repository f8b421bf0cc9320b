// One user of the real kernel at a time on this machine: the guard could not tell two runs apart.
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

// An abstract socket needs no file, belongs to nobody's directory and goes with its process, however that ends.
const name = "\0envctl-tests";

function taken(): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(true);
      else reject(error);
    });
    server.listen({ path: name }, () => {
      server.unref();
      resolve(false);
    });
  });
}

/** Returns once no other run is under way, or after `patience` ms, in which case its changes may be taken for ours. */
export async function exclusive(patience: number): Promise<void> {
  const end = Date.now() + patience;
  for (let said = false; await taken(); said = true) {
    if (!said)
      process.stderr.write("another run of the tests is under way on this machine: waiting for it\n");
    if (Date.now() > end) {
      process.stderr.write("still under way: going on beside it, what it leaves may be reported here\n");
      return;
    }
    await sleep(500);
  }
}
