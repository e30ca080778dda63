// One keep-alive HTTP/1.1 connection, as cheap as Node allows: a load generator that shares two cores with what it measures
// must not be the bottleneck. It reads what an HTTP client must (status, content-length) and nothing else.

import { connect, type Socket } from "node:net";

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

const headEnd = Buffer.from("\r\n\r\n");
const lengthName = Buffer.from("content-length: ");
const lengthNameCapital = Buffer.from("Content-Length: ");
const none = Buffer.alloc(0);

/** Opens a connection; resolves when it stands. A connection that breaks is opened again with the next request. */
export async function openConnection(options: { host: string; port: number }): Promise<Connection> {
  let socket = await openSocket(options, onData, onBroken);
  let broken = false;
  let waiting: OnAnswer | undefined;
  let pending: Buffer = none;

  function onData(chunk: Buffer): void {
    const data = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const head = data.indexOf(headEnd);
    if (head < 0) return keep(data);
    const bodyAt = head + headEnd.length;
    const end = bodyAt + contentLength(data, head);
    if (data.length < end) return keep(data);
    pending = none;
    // "HTTP/1.1 200 OK"
    const status = (data[9]! - 48) * 100 + (data[10]! - 48) * 10 + (data[11]! - 48);
    answer(status, data.subarray(bodyAt, end));
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

function contentLength(data: Buffer, head: number): number {
  let at = data.indexOf(lengthName);
  if (at < 0 || at > head) at = data.indexOf(lengthNameCapital);
  if (at < 0 || at > head) return 0;
  let length = 0;
  for (let index = at + lengthName.length; data[index]! >= 48 && data[index]! <= 57; index += 1) {
    length = length * 10 + data[index]! - 48;
  }
  return length;
}
