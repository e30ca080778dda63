// One stack a data folder. The lock is a socket that the holder listens on: when the holder dies, however it dies, nobody
// answers on it any more, so a lock never has to be removed by hand.

import { once } from "node:events";
import { unlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join, relative } from "node:path";
import { StackError } from "./stack-error.ts";

const answerTimeoutMs = 2_000;

/** A lock that is held. */
export type Lock = { release(): Promise<void> };

/** Takes the lock of `dir`. Returns the holder's process id when another process has it. Throws StackError as `lockHolder`. */
export async function takeLock(dir: string): Promise<Lock | { holderPid: number }> {
  const path = socketPath(dir);
  for (let attempt = 0; ; attempt += 1) {
    const server = createServer((socket) => socket.on("error", () => {}).end(String(process.pid)));
    try {
      await listen(server, path);
      server.unref();
      return { release: async () => void (await new Promise((resolve) => server.close(resolve))) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || attempt === 3) throw error;
    }
    const holderPid = await lockHolder(dir);
    if (holderPid !== undefined) return { holderPid };
    await unlink(path).catch(() => {});
  }
}

/**
 * Returns the id of the process that holds the lock of `dir`, or undefined. Throws StackError when the holder does not say
 * who it is, as one that was suspended with Ctrl-Z.
 */
export async function lockHolder(dir: string): Promise<number | undefined> {
  const path = socketPath(dir);
  const socket = connect(path);
  try {
    const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(answerTimeoutMs) })) as [Buffer];
    return Number(answer.toString());
  } catch (error) {
    if ((error as Error).name !== "AbortError") return undefined;
    throw new StackError(`${path} is held by a process that does not answer: bring it back with "fg", or end it`);
  } finally {
    socket.destroy();
  }
}

// A socket's path may have about 100 bytes only; from the working directory it is usually short.
function socketPath(dir: string): string {
  const absolute = join(dir, "up.sock");
  const fromHere = relative(process.cwd(), absolute);
  return fromHere.length < absolute.length ? fromHere : absolute;
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
}
