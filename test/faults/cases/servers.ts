// Postgres and Redis go away, come back, fill up and forget.

import { usual, type FaultCase } from "../fault-case.ts";

const database = { ...usual, expects: { recoveryMsMax: 15_000, goesOn: false } };
// Redis is never the truth: nobody who buys may notice.
const cache = { ...usual, expects: { recoveryMsMax: 5_000, goesOn: true } };

/** The rows. */
export const servers: FaultCase[] = [
  { ...database, name: "postgres/restarted", fault: { kind: "postgres", how: "restarted", forMs: 0 } },
  { ...database, name: "postgres/stopped-for-10s", fault: { kind: "postgres", how: "restarted", forMs: 10_000 } },
  { ...database, name: "postgres/killed", fault: { kind: "postgres", how: "killed", forMs: 1_000 } },
  { ...database, name: "postgres/backend-killed", fault: { kind: "postgres", how: "backend-killed", forMs: 0 } },
  { ...database, name: "postgres/connections-exhausted", fault: { kind: "postgres", how: "exhausted", forMs: 8_000 } },
  { ...cache, name: "redis/killed", fault: { kind: "redis", how: "killed", forMs: 5_000 } },
  { ...cache, name: "redis/flushed", fault: { kind: "redis", how: "flushed", forMs: 3_000 } },
  { ...cache, name: "redis/stalled", fault: { kind: "redis", how: "stalled", forMs: 10_000 } },
];
