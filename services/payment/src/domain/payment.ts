// What a payment is. The states are the contract's, and their numbers are those in the database.

import { PaymentState } from "#gen/boxoffice/payment/v1/payment";

export { PaymentState };

/** Names a payment; both are lower-case UUIDs. */
export type PaymentKey = { eventId: string; paymentId: string };

/** What was asked for when the payment was made. */
export type Order = {
  reservationId: string;
  customerId: string;
  /** The area that the reservation is in; empty where the caller did not name it. */
  areaId: string;
  amountMinor: number;
  /** ISO 4217, upper case. */
  currencyCode: string;
  /** SHA-256 in hex of everything that the caller asked for; tells a repeat from another request under the same key. */
  requestHash: string;
  /** The provider's name. */
  provider: string;
};

/** A payment as it stands. */
export type Payment = PaymentKey & {
  state: PaymentState;
  /** Undefined in a tombstone: a payment that was voided before its authorisation arrived. */
  order: Order | undefined;
  /** Known only while the state is AUTHORIZING. */
  paymentMethodToken: string | undefined;
  /** While AUTHORIZING: what the provider has prepared, of which nothing is on hold yet. */
  authorizationRef: string | undefined;
  /** Where the customer has to go; known only while the state is ACTION_REQUIRED. */
  actionUrl: string | undefined;
  captureRef: string | undefined;
  declineReason: string | undefined;
  /** Paid back so far, by refunds that are done. */
  refundedMinor: number;
  /** What the seats that came back with them had cost. */
  returnedMinor: number;
  /** Since when the provider has said of the running refund that it is on its way. */
  refundPendingSince: Date | undefined;
  /** How often the provider has refused, for good, to void it; each refund counts its own. */
  refusals: number;
  /** False for a while after such a refusal: the provider is left alone. */
  isRetryDue: boolean;
  createdAt: Date;
};

/** Returns a state's name without its prefix, e.g. `CAPTURED`. */
export function stateName(state: PaymentState): string {
  return PaymentState[state] ?? "UNSPECIFIED";
}
