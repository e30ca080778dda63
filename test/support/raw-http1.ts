// HTTP/1.1 written by hand: slowly, or with what no client library would send.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Sends `text` to `port` of this machine and returns all that comes back until the server closes the connection. */
export async function exchangeRaw(port: number, text: string | Buffer): Promise<string> {
  const { socket, answer } = await open(port);
  socket.write(text);
  return await answer;
}

/** Sends `start`, then a byte of `dripped` every `everyMs`; returns what came back once the server has closed the connection. */
export async function dripUntilClosed(
  port: number,
  options: { start: string; dripped: string; everyMs: number },
): Promise<string> {
  const { start, dripped, everyMs } = options;
  const { socket, answer } = await open(port);
  socket.write(start);
  let at = 0;
  const dripping = setInterval(() => {
    if (socket.writable) socket.write(dripped[at++ % dripped.length]!);
  }, everyMs);
  return await answer.finally(() => clearInterval(dripping));
}

async function open(port: number): Promise<{ socket: Socket; answer: Promise<string> }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  return { socket, answer: new Promise((resolve) => socket.once("close", () => resolve(text))) };
}
