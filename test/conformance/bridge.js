// What the suite starts as a server: hands its standard input and output through to the process that has the servers
// (server.ts) at the port of its argument, until it is stopped. It compiles nothing, so that it starts at once.

import { connect } from "node:net";

const servers = connect(Number(process.argv[2]), "127.0.0.1");
// Its end would be the server's, and the suite says all that it has to say at the beginning.
process.stdin.pipe(servers, { end: false });
servers.pipe(process.stdout);
process.once("SIGTERM", () => process.exit(0));
