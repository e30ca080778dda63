// `kill -9` of every process at every step of the saga, as most bookings take it.

import type { ProcessName } from "#stack/topology";
import type { FaultCase } from "../fault-case.ts";
import { killAt, killsAt, phase, toPayment, toPhase, type Step } from "./kill-at.ts";

type Written = Pick<Step, "writer" | "story" | "replies"> & {
  /** The state that is written. */
  to: string;
};

/** Every write that the saga makes. */
const writes: Written[] = [
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

const steps: Step[] = writes.map(({ to, ...step }) => ({
  ...step,
  name: `${step.writer}-${to.toLowerCase()}`,
  write: writeOf(step.writer, to),
  bystanders: processes.filter((name) => name !== step.writer),
}));

/** The rows. */
export const kills: FaultCase[] = [
  ...steps.flatMap(killsAt),
  // The issuer has no part in the saga: sessions that are open go on without it.
  killAt(steps[0]!, "issuer", "meanwhile"),
];

function writeOf(writer: Step["writer"], to: string): Step["write"] {
  switch (writer) {
    case "reservation":
      return toPhase(phase(to as Parameters<typeof phase>[0]));
    case "inventory":
      return { table: "inventory.hold", state: to };
    case "payment":
      return toPayment(to as Parameters<typeof toPayment>[0]);
  }
}
