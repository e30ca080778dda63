// What the sandbox keeps of an authorisation.

import type { Operation } from "./behaviour.ts";

/** An authorisation and what became of it. */
export type Authorization = {
  /** The client's name for it. */
  reference: string;
  /** Empty when it was voided before it arrived. */
  token: string;
  amount: number;
  currency: string;
  /** What the client wants to read in webhooks. */
  group: string | undefined;
  status: "unknown" | "requires_action" | "authorized" | "declined" | "captured" | "voided" | "refunded";
  /** Paid back so far; `refunded` once that is all. */
  refundedAmount: number;
  /** What was paid back, oldest first; a refund that has failed counts no longer. */
  refunds: RefundOfBook[];
  /** Why it was declined. */
  declineCode?: string;
  /** The customer's bank took the money back. */
  dispute?: DisputeStatus;
  /** All of it where it is not set. */
  disputedAmount?: number;
  /** How often each thing was really done, replays not counted. */
  done: Record<Operation, number>;
};

/** A refund that was done. */
type RefundOfBook = {
  /** The client's name for it. */
  refundId: string | undefined;
  ref: string;
  amount: number;
  status: "succeeded" | "failed";
};

/** How a dispute stands. */
export type DisputeStatus = "inquiry" | "open" | "won" | "lost";

/** What an authorisation is about, and how it stands. */
type About = Pick<Authorization, "reference" | "token" | "amount" | "currency" | "group" | "status">;

/** Returns an authorisation with which nothing was done yet. */
export function createAuthorization(about: About): Authorization {
  const { reference, token, amount, currency, group, status } = about;
  return {
    ...{ reference, token, amount, currency, group, status },
    ...{ refundedAmount: 0, refunds: [], done: { authorize: 0, capture: 0, void: 0, refund: 0 } },
  };
}
