// `kill -9` while the organiser gives back a part of a booking: a ticket with its seat, or an amount.

import type { FaultCase } from "../fault-case.ts";
import { killsAt, phase, toPayment, toPhase, type Step } from "./kill-at.ts";

const answered: Step["replies"] = ["gateway>reservation", "client>gateway"];
const begun = toPhase(phase("partRefunding"));
const ended = toPhase(phase("confirmed"), phase("partRefunding"));
const paidBack = toPayment("CAPTURED", "REFUNDING");

const steps: Step[] = [
  {
    name: "reservation-ticket-refunding",
    ...{ writer: "reservation", write: begun, story: "refund-ticket" },
    bystanders: ["gateway", "inventory", "payment", "sandbox"],
  },
  {
    name: "payment-ticket-refunding",
    ...{ writer: "payment", write: toPayment("REFUNDING"), story: "refund-ticket", replies: ["payment>sandbox"] },
    bystanders: ["reservation"],
  },
  {
    name: "payment-ticket-refunded",
    ...{ writer: "payment", write: paidBack, story: "refund-ticket", replies: ["reservation>payment"] },
    bystanders: ["reservation", "sandbox"],
  },
  {
    name: "inventory-seat-returned",
    ...{ writer: "inventory", write: { table: "inventory.hold_return", state: "false" }, story: "refund-ticket" },
    replies: ["reservation>inventory"],
    bystanders: ["reservation"],
  },
  {
    name: "reservation-ticket-refunded",
    ...{ writer: "reservation", write: ended, story: "refund-ticket", replies: answered },
  },
  { name: "reservation-amount-refunding", writer: "reservation", write: begun, story: "refund-amount" },
  {
    name: "payment-amount-refunded",
    ...{ writer: "payment", write: paidBack, story: "refund-amount", replies: ["reservation>payment"] },
  },
  { name: "reservation-amount-refunded", writer: "reservation", write: ended, story: "refund-amount" },
];

/** The rows. */
export const killsOfRefunds: FaultCase[] = steps.flatMap(killsAt);
