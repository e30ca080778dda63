// `make verify-ledger`: walks the ledger's hash chain through the public API and says where it breaks, if it does. Begins at the
// position AFTER=link:hash, as payment logged it once or a walk printed it, where that is given. Ends with 0 where the ledger is
// whole, with 2 where that could not be asked, and with 3 where a link is broken; node itself has 1. Under make every failure is a 2.

import { setTimeout as pause } from "node:timers/promises";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { OperationsService } from "#gen/boxoffice/edge/v1/operations";
import { ConfigError, readConfig, str, url } from "#shared/config";
import { askAgain } from "./ask-again.ts";
import { parsePosition, printPosition, walkLedger } from "./ledger-walk.ts";
import { StackError } from "./stack-error.ts";

let reached: string | undefined;
try {
  const { GATEWAY_URL, ORGANISER, AFTER } = readConfig(process.env, {
    GATEWAY_URL: url({ default: "http://127.0.0.1:8080", desc: "where the gateway listens" }),
    ORGANISER: str({ desc: "an organiser's session token; `make up` prints how to get one" }),
    AFTER: str({ default: "", desc: "link:hash of an earlier head to begin at" }),
  });
  const after = parsePosition(AFTER);
  if (AFTER !== "" && !after) throw new StackError("AFTER must be link:hash, the hash in 64 hexadecimal digits");
  const transport = createConnectTransport({ baseUrl: GATEWAY_URL, httpVersion: "1.1", defaultTimeoutMs: 30_000 });
  const operations = createClient(OperationsService, transport);
  const headers = { authorization: `Bearer ${ORGANISER}` };
  const onFailure = (error: ConnectError, waitMs: number) =>
    console.error(`${error.message}: asks again in ${Math.ceil(waitMs / 1_000)} s`);
  const walk = await walkLedger(
    (request) => askAgain(() => operations.verifyLedger(request, { headers }), { pause, onFailure }),
    {
      after,
      onProgress: (position, headLink) => {
        reached = printPosition(position);
        console.log(`verified ${reached} of ${headLink} links`);
      },
    },
  );
  if (walk.kind === "broken") {
    console.error(walk.words);
    process.exitCode = 3;
  } else {
    const head = walk.head ? `its head is ${walk.head.link}:${walk.head.hash}` : "it is empty";
    console.log(`the ledger is whole; ${head}; ${walk.unsealed} transactions wait to be sealed`);
  }
} catch (error) {
  const explained = [StackError, ConfigError, ConnectError].some((Explained) => error instanceof Explained);
  const goOn = reached === undefined ? "" : `; go on with AFTER=${reached}`;
  console.error(explained ? `verify-ledger: ${(error as Error).message}${goOn}` : error);
  process.exitCode = 2;
}
