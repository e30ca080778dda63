// `kill -9` where a buyer has to act at the bank's page (3-D Secure): on the way there, while they are away, and on the way
// back, which a webhook begins. Only what differs from other payments: who sells the seats, say, does so as ever.

import type { FaultCase } from "../fault-case.ts";
import { killsAt, phase, toPayment, toPhase, type Step } from "./kill-at.ts";

const atBank = phase("authorizing", "atBank");
const answered: Step["replies"] = ["gateway>reservation", "client>gateway"];

const steps: Step[] = [
  {
    name: "reservation-waiting",
    ...{ writer: "reservation", write: toPhase(atBank), story: "prove", replies: answered },
    bystanders: ["gateway", "payment", "sandbox"],
  },
  {
    // That they have acted is written before the seats are asked for; what follows is as for any payment.
    name: "reservation-acted-at-bank",
    ...{ writer: "reservation", write: toPhase(phase("authorizing"), atBank), story: "prove" },
    bystanders: ["gateway", "payment", "sandbox"],
  },
  {
    name: "reservation-held-after-bank",
    ...{ writer: "reservation", write: toPhase(phase("held"), atBank), story: "disown" },
    bystanders: ["gateway", "payment"],
  },
  {
    name: "reservation-voiding-after-bank",
    ...{ writer: "reservation", write: toPhase(phase("voiding"), atBank), story: "give-up" },
    bystanders: ["gateway", "payment", "sandbox"],
  },
  {
    name: "reservation-cancelled-after-bank",
    ...{ writer: "reservation", write: toPhase(phase("cancelled"), phase("voiding")), story: "give-up" },
    replies: answered,
  },
  {
    name: "payment-action-required",
    ...{ writer: "payment", write: toPayment("ACTION_REQUIRED"), story: "prove", replies: ["reservation>payment"] },
    bystanders: ["reservation", "sandbox"],
  },
  {
    name: "payment-authorized-after-bank",
    ...{ writer: "payment", write: toPayment("AUTHORIZED", "ACTION_REQUIRED"), story: "prove" },
    replies: ["gateway>payment"],
    bystanders: ["gateway", "reservation", "sandbox"],
  },
  {
    name: "payment-declined-after-bank",
    ...{ writer: "payment", write: toPayment("DECLINED", "ACTION_REQUIRED"), story: "disown" },
    replies: ["gateway>payment"],
  },
  {
    name: "payment-voiding-after-bank",
    ...{ writer: "payment", write: toPayment("VOIDING", "ACTION_REQUIRED"), story: "give-up" },
    replies: ["payment>sandbox"],
  },
  {
    name: "payment-webhook",
    ...{ writer: "payment", write: { table: "payment.webhook", state: "sandbox" }, story: "prove" },
    replies: ["gateway>payment", "sandbox>gateway"],
    bystanders: ["sandbox"],
  },
];

/** The rows. */
export const killsAtBank: FaultCase[] = steps.flatMap(killsAt);
