// What comes from outside: a provider that dawdles, breaks or answers twice, and clients that repeat everything.

import { usual, type FaultCase } from "../fault-case.ts";

const tokens = [
  "tok_timeout_after_authorize",
  "tok_timeout_after_capture",
  "tok_timeout_after_refund",
  "tok_garbled",
  // A webhook overtakes the answer to the call that it tells of.
  "tok_webhook_first",
  "tok_3ds_webhook_first",
] as const;

/** The rows. */
export const outside: FaultCase[] = [
  ...tokens.map((token): FaultCase => ({
    ...usual,
    name: `provider/${token.slice("tok_".length).replaceAll("_", "-")}`,
    fault: { kind: "provider", how: "token", forMs: 12_000 },
    traffic: { ...usual.traffic, token },
    expects: { recoveryMsMax: 15_000, goesOn: true },
  })),
  {
    ...usual,
    name: "provider/timeout-after-part-refund",
    fault: { kind: "unheard", story: "refund-unheard" },
    // So that whoever is asked again is asked by this booking.
    traffic: { ...usual.traffic, from: "after" },
  },
  { ...usual, name: "provider/outage", fault: { kind: "provider", how: "outage", forMs: 8_000 } },
  {
    ...usual,
    name: "client/everything-ten-times",
    fault: { kind: "repeats", forMs: 8_000 },
    traffic: { ...usual.traffic, repeats: 10 },
    expects: { ...usual.expects, goesOn: true },
  },
];
