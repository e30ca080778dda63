// `kill -9` of every process at every step of the saga.

import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import type { ProcessName } from "#stack/topology";
import { Phase } from "../../../services/reservation/src/domain/booking.ts";
import { usual, type FaultCase, type Moment } from "../fault-case.ts";
import type { GatedWrite } from "../gate.ts";
import type { LinkName } from "../links.ts";
import type { Story } from "../stories.ts";

type Step = {
  writer: "reservation" | "inventory" | "payment";
  /** The state that is written. */
  to: string;
  /** A story that comes by. */
  story: Story;
  /** Answers that leave because of the write: on which links. */
  replies?: LinkName[];
};

/** Every write that the saga makes. */
const steps: Step[] = [
  { writer: "reservation", to: "held", story: "hold", replies: ["gateway>reservation", "client>gateway"] },
  { writer: "reservation", to: "authorizing", story: "pay" },
  { writer: "reservation", to: "capturing", story: "pay" },
  { writer: "reservation", to: "confirmed", story: "pay", replies: ["gateway>reservation", "client>gateway"] },
  { writer: "reservation", to: "voiding", story: "lose" },
  { writer: "reservation", to: "expired", story: "lose", replies: ["gateway>reservation", "client>gateway"] },
  { writer: "reservation", to: "releasing", story: "cancel" },
  { writer: "reservation", to: "cancelled", story: "cancel", replies: ["gateway>reservation", "client>gateway"] },
  { writer: "reservation", to: "refunding", story: "refund" },
  { writer: "reservation", to: "refunded", story: "refund", replies: ["gateway>reservation", "client>gateway"] },
  { writer: "inventory", to: "held", story: "hold", replies: ["reservation>inventory"] },
  { writer: "inventory", to: "confirmed", story: "pay", replies: ["reservation>inventory"] },
  { writer: "inventory", to: "released", story: "cancel", replies: ["reservation>inventory"] },
  { writer: "inventory", to: "refunded", story: "refund", replies: ["reservation>inventory"] },
  { writer: "inventory", to: "expired", story: "lose" },
  { writer: "payment", to: "AUTHORIZING", story: "pay", replies: ["payment>sandbox"] },
  { writer: "payment", to: "AUTHORIZED", story: "pay", replies: ["reservation>payment"] },
  { writer: "payment", to: "DECLINED", story: "decline", replies: ["reservation>payment"] },
  { writer: "payment", to: "CAPTURING", story: "pay", replies: ["payment>sandbox"] },
  { writer: "payment", to: "CAPTURED", story: "pay", replies: ["reservation>payment"] },
  { writer: "payment", to: "VOIDING", story: "lose", replies: ["payment>sandbox"] },
  { writer: "payment", to: "VOIDED", story: "lose", replies: ["reservation>payment"] },
  { writer: "payment", to: "REFUNDING", story: "refund", replies: ["payment>sandbox"] },
  { writer: "payment", to: "REFUNDED", story: "refund", replies: ["reservation>payment"] },
];

const processes: ProcessName[] = ["gateway", "reservation", "inventory", "payment", "sandbox"];

/** The rows. */
export const kills: FaultCase[] = [
  ...steps.flatMap(killsAt),
  // The issuer has no part in the saga: sessions that are open go on without it.
  killAt(steps[0]!, "issuer", "meanwhile"),
];

function killsAt(step: Step): FaultCase[] {
  return [
    killAt(step, step.writer, "before-commit"),
    killAt(step, step.writer, "after-commit"),
    ...(step.replies ?? []).map((link) => killAt(step, calleeOf(link), "before-reply", link)),
    ...processes.filter((name) => name !== step.writer).map((bystander) => killAt(step, bystander, "meanwhile")),
  ];
}

function killAt(step: Step, victim: ProcessName, moment: Moment, replyOn?: LinkName): FaultCase {
  return {
    ...usual,
    name: `kill/${victim}/${step.writer}-${step.to.toLowerCase()}/${moment}`,
    fault: {
      kind: "kill",
      victim,
      moment,
      write: writeOf(step),
      story: step.story,
      ...(replyOn ? { replyOn } : {}),
    },
    // Where an answer is withheld it must be this booking's.
    traffic: { ...usual.traffic, from: replyOn ? "after" : "before" },
  };
}

function writeOf({ writer, to }: Step): GatedWrite {
  switch (writer) {
    case "reservation":
      return { table: "reservation.reservation", state: String(Phase[to as keyof typeof Phase]) };
    case "inventory":
      return { table: "inventory.hold", state: to };
    case "payment":
      return { table: "payment.payment", state: String(PaymentState[to as keyof typeof PaymentState]) };
  }
}

function calleeOf(link: LinkName): ProcessName {
  return link.split(">")[1] as ProcessName;
}
