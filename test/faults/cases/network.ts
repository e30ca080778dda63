// Every link becomes slow, breaks, or carries nothing in one direction.

import { usual, type Fault, type FaultCase } from "../fault-case.ts";
import { endsOf, linkNames, type LinkName } from "../links.ts";

const forMs = { delayed: 5_000, reset: 3_000, "silent-up": 15_000, "silent-down": 15_000 };
const ways = Object.keys(forMs) as (keyof typeof forMs)[];

// Nothing flows to the issuer while people buy, who logged in before.
const idle: LinkName[] = ["gateway>issuer"];

/** The rows. */
export const network: FaultCase[] = linkNames
  .filter((link) => !idle.includes(link))
  .flatMap((link) => ways.map((how) => harmed(link, how)));

function harmed(link: LinkName, how: keyof typeof forMs): FaultCase {
  const { caller, callee } = endsOf(link);
  const fault: Fault = { kind: "link", link, how, forMs: forMs[how] };
  return {
    ...usual,
    name: `network/${caller}-to-${callee}/${how}`,
    fault,
    expects: {
      recoveryMsMax: callee === "postgres" ? 15_000 : 5_000,
      // What is slow still works, and nobody needs Redis to buy.
      goesOn: how === "delayed" || callee === "redis",
    },
  };
}
