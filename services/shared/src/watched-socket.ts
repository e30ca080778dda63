// A connection that notices when its other side has gone silent. The driver of Postgres waits for an answer without end, and
// TCP gives up only after a quarter of an hour of unanswered retransmissions, or never where something on the way still
// acknowledges: until then each statement that is sent there hangs, and the pool is one connection smaller.

import { Socket } from "node:net";

/** Where a pool of postgres.js connects. Several hosts are tried in turn. */
export type SocketTarget = { host: string[]; port: number[]; path?: string | undefined };

/**
 * Returns what opens the sockets of a pool, each of which closes once nothing has been sent or received for `silenceMs`: a
 * statement that runs then fails as after any lost connection, and an idle connection is opened anew when it is needed.
 */
export function createSocketOpener(silenceMs: number): (target: SocketTarget) => Socket {
  let opened = 0;
  return ({ host, port, path }) => {
    const socket = new WatchedSocket();
    socket.setTimeout(silenceMs);
    if (path) return socket.connect(path);
    const index = opened % port.length;
    opened += 1;
    // The driver looks for these when it names the server to TLS, and in its errors.
    Object.assign(socket, { host: host[index], port: port[index] });
    return socket.connect(port[index]!, host[index]!);
  };
}

// Not listeners: the driver removes those when it puts TLS around the socket.
class WatchedSocket extends Socket {
  #wasOpen = false;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === "timeout") this.destroy();
    if (event === "connect") this.#wasOpen = true;
    // The driver gives up what was asked of a connection when its error comes, and once more when it closes without one. A
    // statement that is asked between the two, on a connection that was reset, was never given up: it waited for ever, and took
    // the next one's answer. So an open connection always closes as if without an error.
    if (event === "close" && this.#wasOpen) return super.emit(event, false);
    return super.emit(event, ...args);
  }
}
