// `make verify-ledger`: walks the ledger's hash chain through the public API and says where it breaks, if it does. Ends with 1
// then. Begins at the position AFTER=link:hash, as payment logged it once, where that is given.

import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { OperationsService } from "#gen/boxoffice/edge/v1/operations";
import { ConfigError, readConfig, str, url } from "#shared/config";
import { parsePosition, walkLedger } from "./ledger-walk.ts";
import { StackError } from "./stack-error.ts";

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
  const walk = await walkLedger((request) => operations.verifyLedger(request, { headers }), {
    after,
    onProgress: (link, headLink) => console.log(`verified link ${link} of ${headLink}`),
  });
  if (walk.kind === "broken") {
    console.error(walk.words);
    process.exitCode = 1;
  } else {
    const head = walk.head ? `its head is ${walk.head.link}:${walk.head.hash}` : "it is empty";
    console.log(`the ledger is whole; ${head}; ${walk.unsealed} transactions wait to be sealed`);
  }
} catch (error) {
  const explained = error instanceof StackError || error instanceof ConfigError;
  console.error(explained ? `make verify-ledger: ${error.message}` : error);
  process.exitCode = 1;
}
