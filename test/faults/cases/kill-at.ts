// The kills at one write: its writer before and after the commit, whoever answers because of it, others meanwhile.

import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import type { ProcessName } from "#stack/topology";
import { Phase } from "../../../services/reservation/src/domain/booking.ts";
import { usual, type FaultCase, type Moment } from "../fault-case.ts";
import type { GatedWrite } from "../gate.ts";
import type { LinkName } from "../links.ts";
import type { Story } from "../stories.ts";

/** A write of the saga, or of a door. */
export type Step = {
  /** What its cases are called after. */
  name: string;
  writer: "reservation" | "inventory" | "payment";
  write: GatedWrite;
  /** A story that comes by. */
  story: Story;
  /** Answers that leave because of the write: on which links. */
  replies?: LinkName[];
  /** Who dies while it is being made. */
  bystanders?: ProcessName[];
  /** How many of each of the story's requests are sent at once; one where not given. */
  repeats?: number;
};

/** Returns all kills at a write. */
export function killsAt(step: Step): FaultCase[] {
  const { writer, replies = [], bystanders = [] } = step;
  return [
    killAt(step, writer, "before-commit"),
    killAt(step, writer, "after-commit"),
    ...replies.map((link) => killAt(step, calleeOf(link), "before-reply", link)),
    ...bystanders.map((bystander) => killAt(step, bystander, "meanwhile")),
  ];
}

/** Returns one of them. */
export function killAt(step: Step, victim: ProcessName, moment: Moment, replyOn?: LinkName): FaultCase {
  const { name, write, story, repeats = 1 } = step;
  // Where an answer is withheld it must be this booking's, and a webhook names none.
  const from = replyOn || write.table === "payment.webhook" ? "after" : "before";
  return {
    ...usual,
    name: `kill/${victim}/${name}/${moment}`,
    fault: { kind: "kill", victim, moment, write, story, repeats, ...(replyOn ? { replyOn } : {}) },
    traffic: { ...usual.traffic, from },
  };
}

/** Returns the state of a reservation in a phase; `atBank` while its buyer has to act. */
export function phase(name: keyof typeof Phase, atBank?: "atBank"): string {
  return `${Phase[name]}${atBank ? " action" : ""}`;
}

/** Returns the write that brings a reservation to a phase. */
export function toPhase(state: string, from?: string): GatedWrite {
  return { table: "reservation.reservation", state, ...(from !== undefined && { from }) };
}

/** Returns the write that brings a payment to a state. */
export function toPayment(state: keyof typeof PaymentState, from?: keyof typeof PaymentState): GatedWrite {
  const stateOf = (name: keyof typeof PaymentState) => String(PaymentState[name]);
  return { table: "payment.payment", state: stateOf(state), ...(from && { from: stateOf(from) }) };
}

function calleeOf(link: LinkName): ProcessName {
  return link.split(">")[1] as ProcessName;
}
