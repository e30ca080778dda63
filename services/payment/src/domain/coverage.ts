// What a lost dispute pays of refunds. The customer has that money already, so a refund of the same payment pays only what is
// beyond it; and should the bank give it back to us on appeal, the customer is owed it again. Pure.

/** A refund, as far as this looks at it. Amounts are in minor units. */
export type CoveredRefund = {
  refundId: string;
  amountMinor: number;
  /** Of the amount: what lost disputes pay. */
  coveredMinor: number;
  isFinished: boolean;
};

/** What lost disputes pay of a refund from now on. */
export type CoverChange = { refund: CoveredRefund; coveredMinor: number };

/**
 * Returns which refunds change when `lostMinor` is what a payment's disputes have lost in all, less what other refunds count on;
 * negative where those count on more. Refunds come oldest first: what is lost goes to those that are still to be made, the oldest
 * first; what is no longer lost is taken from the newest.
 */
export function spreadLoss(refunds: readonly CoveredRefund[], lostMinor: number): CoverChange[] {
  let restMinor = refunds.reduce((rest, { coveredMinor }) => rest - coveredMinor, lostMinor);
  const changes: CoverChange[] = [];
  for (const refund of restMinor > 0 ? refunds.filter(({ isFinished }) => !isFinished) : refunds.toReversed()) {
    const { amountMinor, coveredMinor } = refund;
    const after = Math.min(amountMinor, Math.max(0, coveredMinor + restMinor));
    if (after === coveredMinor) continue;
    restMinor -= after - coveredMinor;
    changes.push({ refund, coveredMinor: after });
  }
  return changes;
}
