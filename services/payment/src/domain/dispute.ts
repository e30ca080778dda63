// A captured payment that the customer's bank takes back, or wants to: a chargeback.

/** How a dispute stands. The numbers are those in the database. */
export const DisputeStatus = {
  /** The bank asks; no money has moved. */
  inquiry: 1,
  /** The money was taken back until it is decided. */
  open: 2,
  /** The money came back to us, at once or on appeal. */
  won: 3,
  /** The customer has it. */
  lost: 4,
} as const;
export type DisputeStatus = (typeof DisputeStatus)[keyof typeof DisputeStatus];

/** The statuses' names, for logs and metrics. */
export const disputeStatusNames = Object.fromEntries(
  Object.entries(DisputeStatus).map(([name, status]) => [status, name]),
) as Record<DisputeStatus, keyof typeof DisputeStatus>;

/** A dispute as its provider tells of it. */
export type Dispute = {
  /** The provider's name for it. */
  ref: string;
  status: DisputeStatus;
  amountMinor: number;
  /** ISO 4217, upper case. */
  currencyCode: string;
  /** The provider's word for the bank's reason. */
  reason: string;
};

/** What has moved of a dispute's money so far, by the ledger, in minor units. */
export type MovedMoney = { takenMinor: number; returnedMinor: number };

/** Money to be posted for a dispute. */
export type DisputePosting = { kind: "chargeback" | "chargeback_reversal"; amountMinor: number };

/** Statuses in the order in which they may follow one another: what is lost can still be won, on appeal. */
export const disputeOrder: readonly DisputeStatus[] = [
  DisputeStatus.inquiry,
  DisputeStatus.open,
  DisputeStatus.lost,
  DisputeStatus.won,
];

/**
 * Returns what has to be posted so that the ledger says what a dispute moved: nothing for what is posted already, and the
 * difference where its amount has changed or its end is another one now.
 */
export function postingsOf(
  { status, amountMinor }: Pick<Dispute, "status" | "amountMinor">,
  { takenMinor, returnedMinor }: MovedMoney,
): DisputePosting[] {
  if (status === DisputeStatus.inquiry) return [];
  const postings: DisputePosting[] = [];
  // Heard of only when it was won, the money left all the same.
  if (takenMinor === 0) postings.push({ kind: "chargeback", amountMinor });
  const awayMinor = takenMinor === 0 ? amountMinor : takenMinor - returnedMinor;
  const changeMinor = (status === DisputeStatus.won ? 0 : amountMinor) - awayMinor;
  if (changeMinor > 0) postings.push({ kind: "chargeback", amountMinor: changeMinor });
  if (changeMinor < 0) postings.push({ kind: "chargeback_reversal", amountMinor: -changeMinor });
  return postings;
}
