// Puts TLS in front of Postgres, as a server of somebody's cloud has it: says yes to the request for it, and passes on what
// comes through. Source: PostgreSQL manual, "Message Flow", "SSL Session Encryption".

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { pipeline } from "node:stream";
import { TLSSocket } from "node:tls";

/** A running front. */
export type TlsFront = {
  /** Where callers connect, on 127.0.0.1. */
  port: number;
  /** Ends every connection. */
  close(): Promise<void>;
};

/** Starts a front on a free port, with a certificate that nobody vouches for, whose key is public. */
export async function startTlsFront(postgresPort: number): Promise<TlsFront> {
  const pem = await readFile(new URL("tls-front.pem", import.meta.url));
  const sockets = new Set<Socket>();
  const server = createServer((caller) => {
    sockets.add(caller.on("error", () => {}).on("close", () => sockets.delete(caller)));
    caller.once("data", () => {
      caller.write("S");
      const secure = new TLSSocket(caller, { isServer: true, key: pem, cert: pem });
      const postgres = connect(postgresPort, "127.0.0.1");
      pipeline(secure, postgres, secure, () => {});
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
