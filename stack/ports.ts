// Ports of 127.0.0.1.

import { createServer, type AddressInfo } from "node:net";
import { StackError } from "./stack-error.ts";

/** Returns a TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  return await bindOnce(0);
}

/** Throws StackError when nothing can listen on this port of 127.0.0.1, naming the remedy. */
export async function assertPortFree(port: number): Promise<void> {
  try {
    await bindOnce(port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === "EADDRINUSE" ? "is taken by another program" : `can't be used (${code})`;
    throw new StackError(
      `port ${port} ${reason}: free it, or choose another one with "make up GATEWAY_PORT=${port + 1}"`,
    );
  }
}

async function bindOnce(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  const { port: bound } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return bound;
}
