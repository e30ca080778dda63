// A captured payment that the customer's bank takes back, or wants to: a chargeback.

/** How a dispute stands. The numbers are those in the database. */
export const DisputeStatus = {
  /** The bank asks; no money has moved. */
  inquiry: 1,
  /** The money was taken back until it is decided. */
  open: 2,
  /** The money came back to us. */
  won: 3,
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
