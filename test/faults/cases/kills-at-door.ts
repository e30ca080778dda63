// `kill -9` while tickets are given away, let in, and handed in by gates that were offline; each request ten times at once.

import type { FaultCase } from "../fault-case.ts";
import { killsAt, type Step } from "./kill-at.ts";

const common = {
  writer: "reservation",
  replies: ["gateway>reservation", "client>gateway"],
  repeats: 10,
} satisfies Partial<Step>;

const steps: Step[] = [
  {
    name: "ticket-transferred",
    ...{ ...common, write: { table: "reservation.ticket", state: "2", from: "1" }, story: "transfer" },
  },
  {
    name: "ticket-admitted",
    ...{ ...common, write: { table: "reservation.admission", state: "false" }, story: "admit" },
  },
  {
    name: "ticket-handed-in",
    ...{ ...common, write: { table: "reservation.admission", state: "true" }, story: "hand-in" },
  },
];

/** The rows. */
export const killsAtDoor: FaultCase[] = steps.flatMap(killsAt);
