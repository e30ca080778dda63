// An event to try things with, made the way an organiser makes one: through the public API.

import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { v7 as uuidv7 } from "uuid";
import { EventService } from "#gen/boxoffice/edge/v1/event";
import { SessionService } from "#gen/boxoffice/edge/v1/session";
import { StackError } from "./stack-error.ts";

/** Name of the demo event, which nothing else is likely to have. */
export const demoEventName = "Boxoffice Demo Night";

const dayMs = 86_400_000;

/** Creates and publishes the demo event when none is on sale. Returns whether it had to. */
export async function ensureDemoEvent(options: {
  gatewayUrl: string;
  issuerUrl: string;
  nowMs: number;
}): Promise<"created" | "present"> {
  const { gatewayUrl, issuerUrl, nowMs } = options;
  const transport = createConnectTransport({ baseUrl: gatewayUrl, httpVersion: "1.1", defaultTimeoutMs: 10_000 });
  const events = createClient(EventService, transport);
  const known = await events.listEvents({ filter: demoEventName, pageSize: 100 });
  if (known.events.some(({ saleEndTime }) => Number(saleEndTime?.seconds ?? 0) * 1000 > nowMs)) return "present";

  const { session } = await createClient(SessionService, transport).exchangeIdToken({
    idToken: await organiserIdToken(issuerUrl),
  });
  const asOrganiser = { headers: { authorization: `Bearer ${session!.sessionToken}` } };
  const eventId = uuidv7();
  await events.createEvent({ ...demoEvent(nowMs), eventId }, asOrganiser);
  await events.publishEvent({ eventId }, asOrganiser);
  return "created";
}

function demoEvent(nowMs: number) {
  const price = (amountMinor: number) => ({ currencyCode: "EUR", amountMinor: BigInt(amountMinor) });
  const rows = (labels: string, seatCount: number) => [...labels].map((label) => ({ label, seatCount }));
  return {
    name: demoEventName,
    venue: "Old Town Hall",
    startTime: timestampFromMs(nowMs + 365 * dayMs),
    customerLimit: 8,
    areas: [
      {
        areaId: "stalls",
        name: "Stalls",
        price: price(4_500),
        layout: { case: "seated" as const, value: { rows: rows("ABCDEFGHIJKLMNOPQRST", 30) } },
      },
      {
        areaId: "balcony",
        name: "Balcony",
        price: price(3_200),
        layout: { case: "seated" as const, value: { rows: rows("ABCDEFGH", 24) } },
      },
      {
        areaId: "standing",
        name: "Standing",
        price: price(2_500),
        layout: { case: "generalAdmission" as const, value: { capacity: 5_000 } },
      },
    ],
  };
}

async function organiserIdToken(issuerUrl: string): Promise<string> {
  const response = await fetch(`${issuerUrl}/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub: "demo-organiser", roles: ["organiser"] }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new StackError(`the development issuer answered ${response.status} to a request for a token`);
  return ((await response.json()) as { id_token: string }).id_token;
}
