// A connection that notices when its other side has gone silent. The driver of Postgres waits for an answer without end, and
// TCP gives up only after a quarter of an hour of unanswered retransmissions, or never where something on the way still
// acknowledges: until then each statement that is sent there hangs, and the pool is one connection smaller.

import { Socket } from "node:net";
import { Duplex } from "node:stream";

/** How often a socket is looked at in the longest silence that it may keep. */
const looks = 8;

/** Where a pool of postgres.js connects, and whether it asks for TLS. Several hosts are tried in turn. */
export type SocketTarget = { host: string[]; port: number[]; path?: string | undefined; ssl?: unknown };

/**
 * Returns what opens the sockets of a pool, each of which closes once nothing has been sent or received for `silenceMs`, or
 * nothing received for about as long although something was sent: a statement that runs then fails as after any lost
 * connection, and an idle connection is opened anew when it is needed.
 */
export function createSocketOpener(silenceMs: number): (target: SocketTarget) => Duplex {
  let opened = 0;
  return ({ host, port, path, ssl }) => {
    const socket = new WatchedSocket(silenceMs);
    const carrier = ssl ? new UnderTls(socket) : socket;
    if (path) {
      socket.connect(path);
      return carrier;
    }
    const index = opened % port.length;
    opened += 1;
    socket.connect(port[index]!, host[index]!);
    // The driver looks for these when it names the server to TLS, and in its errors.
    return Object.assign(carrier, { host: host[index], port: port[index] });
  };
}

// The driver gives up what was asked of a connection when its error comes, and once more when it closes without one. Two
// things are wrong with that:
// - A statement that is asked between the two, on a connection that was reset, was never given up: it waited for ever, and
//   took the next one's answer. So an open connection closes as if without an error.
// - A connection that ends before it said anything, as that of a proxy whose server is down, is opened anew at once, hundreds
//   of times a second, and the statement waits. So that is an error.
class WatchedSocket extends Socket {
  #wasOpen = false;
  #hadError = false;
  readonly #watch: NodeJS.Timeout;

  constructor(silenceMs: number) {
    super();
    this.setTimeout(silenceMs);
    this.#watch = this.#watchAnswers(silenceMs);
  }

  // Sending starts the socket's own time-out anew, and statements go on being sent behind one that gets no answer. Looks are
  // counted, not time: a process that was frozen has not listened.
  #watchAnswers(silenceMs: number): NodeJS.Timeout {
    let heard = 0;
    let sent = 0;
    let unanswered = 0;
    const look = (): void => {
      const { bytesRead, bytesWritten } = this;
      if (bytesRead > heard) unanswered = 0;
      else if (unanswered > 0 || bytesWritten > sent) unanswered += 1;
      heard = bytesRead;
      sent = bytesWritten;
      if (unanswered > looks) this.destroy();
    };
    return setInterval(look, silenceMs / looks).unref();
  }

  // Not listeners: the driver removes those.
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === "timeout") this.destroy();
    if (event === "connect") this.#wasOpen = true;
    if (event === "error") this.#hadError = true;
    if (event !== "close") return super.emit(event, ...args);
    clearInterval(this.#watch);
    if (!this.#wasOpen) return super.emit(event, ...args);
    if (this.bytesRead > 0) return super.emit(event, false);
    if (!this.#hadError) this.emit("error", Object.assign(new Error("the server hung up"), { code: "ECONNRESET" }));
    return super.emit(event, true);
  }
}

// What TLS is put around. It takes a Socket's handle away, and tells of a reset itself, by an error and then a close with one;
// of a stream it takes bytes only.
class UnderTls extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.push(chunk) || socket.pause());
    socket.on("end", () => this.push(null));
    // Once the server has said its one byte, whether it speaks TLS, the end is TLS's to judge.
    socket.on("error", (error) => socket.bytesRead <= 1 && this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
    this.#socket.write(chunk, encoding, () => done());
  }

  override _final(done: () => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
