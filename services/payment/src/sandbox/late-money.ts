// What becomes of captured money: it is paid back, comes back after that, or the customer's bank takes it.

import type { Authorization, DisputeStatus } from "./authorization.ts";

/** Returns what may still be paid back of a captured authorisation, whatever its bank says. */
export function leftOf({ amount, refundedAmount }: Authorization): number {
  return amount - refundedAmount;
}

/** Returns whether a dispute keeps `amount` from being paid back: the bank has the money, or the customer has it, and nobody pays twice. */
export function isDisputed(authorization: Authorization, amount: number): boolean {
  const { dispute, disputedAmount = authorization.amount } = authorization;
  return dispute === "open" || amount > leftOf(authorization) - (dispute === "lost" ? disputedAmount : 0);
}

/** Pays `amount` back. */
export function payBack(
  authorization: Authorization,
  { amount, refundId, ref }: { amount: number; refundId: string | undefined; ref: string },
): void {
  authorization.refundedAmount += amount;
  if (leftOf(authorization) === 0) authorization.status = "refunded";
  authorization.done.refund += 1;
  authorization.refunds.push({ refundId, ref, amount, status: "succeeded" });
}

/** Has the latest refund come back. Returns false where there is none. */
export function failLatestRefund(authorization: Authorization): boolean {
  const last = authorization.refunds.findLast(({ status }) => status === "succeeded");
  if (!last) return false;
  last.status = "failed";
  authorization.refundedAmount -= last.amount;
  authorization.status = "captured";
  return true;
}

/** Begins or decides the dispute of a captured authorisation, about all of it or an amount. Returns false where nothing was captured. */
export function setDispute(authorization: Authorization, status: DisputeStatus, amount: number | undefined): boolean {
  if (authorization.status !== "captured" && authorization.status !== "refunded") return false;
  authorization.dispute = status;
  if (amount !== undefined) authorization.disputedAmount = amount;
  return true;
}
