// What a step of the saga works with, and what it comes to.

import { RefusalReason } from "#stubs";
import type { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import type { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import type { Answer } from "./answer.ts";
import type { Booking } from "./domain/booking.ts";
import type { Command } from "./domain/transition.ts";
import type { Inventory } from "./inventory.ts";
import type { Payments } from "./payments.ts";
import type { RunningRefund } from "./store/refunds.ts";

/** What a phase's calls came to. */
export type Progress =
  | { kind: "learned"; command: Command }
  /** Something is not known, or not yet done: the same phase again, later; not before `notBeforeMs` from now. */
  | { kind: "again"; because: unknown; notBeforeMs?: number }
  /** The same phase again, at once, when this is written. */
  | {
      kind: "noted";
      because: string;
      holdExpiresAt?: Date;
      holdId?: string;
      /** The hold was made just now: freed again where the booking has moved on meanwhile. */
      isHoldNew?: true;
      /** The customer has acted: nobody is to be sent to the page any more. */
      hasActed?: true;
    }
  /** Nothing can be done before the customer has acted at this page. */
  | { kind: "waiting"; nextActionUrl: string };

/** What the saga works with. */
export type SagaDeps = {
  inventory: Inventory;
  payments: Payments;
  /** Returns a booking's running refund. Throws on failed I/O, and where there is none. */
  readRefund: (booking: Booking) => Promise<RunningRefund | undefined>;
  /** Milliseconds since the epoch; only decides when to ask for more time, never whether a hold is alive. */
  now: () => number;
  newId: () => string;
};

/** Returns what the calls taught. */
export function learned(command: Command): Progress {
  return { kind: "learned", command };
}

/** Returns that an answer leaves it open. */
export function again(answer: Answer<{ state: PaymentState | HoldState }>): Progress {
  switch (answer.kind) {
    case "known":
      return { kind: "again", because: `still in state ${answer.value.state}` };
    case "refused":
      return { kind: "again", because: `refused: ${RefusalReason[answer.refusal.reason]}` };
    case "unknown":
      return { kind: "again", because: answer.error };
  }
}

/** Returns the payment of a booking that is being paid; throws for one without. */
export function paymentIdOf({ paymentId }: Booking): string {
  if (paymentId === null) throw new Error("a paying booking has no payment");
  return paymentId;
}
