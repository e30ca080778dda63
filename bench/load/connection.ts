// One keep-alive HTTP/1.1 connection, as cheap as Node allows: a load generator that shares two cores with what it measures
// must not be the bottleneck.

import { connect, type Socket } from "node:net";
import { parseAnswer } from "./parse-answer.ts";

/** Told of an answer: its status and the bytes of its body, valid during the call only; status 0 when the connection broke. */
export type OnAnswer = (status: number, body: Buffer) => void;

/** A connection on which one request at a time is under way. */
export type Connection = {
  /** Sends a whole request; `onAnswer` is called once. Throws when one is under way already. */
  send(request: Buffer | string, onAnswer: OnAnswer): void;
  /** True while an answer is awaited. */
  readonly busy: boolean;
  close(): void;
};

const none = Buffer.alloc(0);

/** Opens a connection; resolves when it stands. A connection that breaks is opened again with the next request. */
export async function openConnection(options: { host: string; port: number }): Promise<Connection> {
  let socket = await openSocket(options, onData, onBroken);
  let broken = false;
  let waiting: OnAnswer | undefined;
  let pending: Buffer = none;

  function onData(chunk: Buffer): void {
    const data = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const parsed = parseAnswer(data);
    if (!parsed) return keep(data);
    pending = none;
    answer(parsed.status, parsed.body);
  }

  function keep(data: Buffer): void {
    // The buffer that the socket reads into is used again: what has to last is copied.
    pending = Buffer.from(data);
  }

  function answer(status: number, body: Buffer): void {
    const onAnswer = waiting;
    waiting = undefined;
    onAnswer?.(status, body);
  }

  function onBroken(): void {
    broken = true;
    pending = none;
    answer(0, none);
  }

  return {
    send(request, onAnswer) {
      if (waiting) throw new Error("a request is under way");
      waiting = onAnswer;
      if (!broken) return void socket.write(request);
      void openSocket(options, onData, onBroken).then((opened) => {
        socket = opened;
        broken = false;
        socket.write(request);
      }, onBroken);
    },
    get busy() {
      return waiting !== undefined;
    },
    close: () => socket.destroy(),
  };
}

function openSocket(
  { host, port }: { host: string; port: number },
  onData: (chunk: Buffer) => void,
  onBroken: () => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.allocUnsafe(16 * 1024);
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer,
        callback(count) {
          onData(buffer.subarray(0, count));
          return true;
        },
      },
    });
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      socket.once("close", onBroken);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}
