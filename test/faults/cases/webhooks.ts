// The provider's webhooks: many times each, late and in the wrong order, before the answer that they tell of, and while somebody
// on their way is dead.

import { usual, type FaultCase } from "../fault-case.ts";

const atBank = { ...usual, traffic: { ...usual.traffic, token: "tok_3ds" } };

/** The rows. */
export const webhooks: FaultCase[] = [
  {
    ...atBank,
    name: "webhooks/ten-times-at-once",
    fault: { kind: "webhooks", how: "copied", forMs: 8_000 },
    expects: { ...usual.expects, goesOn: true },
  },
  {
    ...atBank,
    name: "webhooks/late-and-reversed",
    fault: { kind: "webhooks", how: "late", forMs: 9_000 },
    expects: { ...usual.expects, goesOn: true },
  },
  ...(["gateway", "payment", "reservation"] as const).map((dead): FaultCase => ({
    ...usual,
    name: `webhooks/${dead}-is-dead`,
    fault: { kind: "buyer-acts", dead },
  })),
];
