// What every payment provider has to be able to do. A provider behind this interface promises three things: the same
// idempotency key is acted on once, however often it is sent; a void by `reference` also kills an authorisation that has
// not arrived yet; and `declined` is said only when the provider certainly did nothing and never will.

import type { DeclineReason } from "../domain/decline-reason.ts";

/** One thing to ask of a provider. `reference` is our name for the payment, which the provider knows it by as well. */
export type ProviderRequest = { idempotencyKey: string; reference: string } & (
  | { kind: "authorize"; amountMinor: number; currencyCode: string; paymentMethodToken: string }
  | { kind: "capture"; authorizationRef: string }
  | { kind: "void" }
  | { kind: "refund"; captureRef: string; amountMinor: number; currencyCode: string }
);

/** What came of it. */
export type ProviderResult =
  /** It was done; `ref` is the provider's name for it. */
  | { kind: "done"; ref: string }
  /** The provider says no, for good. */
  | { kind: "declined"; reason: DeclineReason }
  /** It may have been done or not. `cause` is a short word for logs, without anything that the provider sent. */
  | { kind: "unknown"; cause: string };

/** A connection to a provider. */
export type Provider = {
  /** Stored with each payment, e.g. `sandbox`. */
  name: string;
  /** Asks once, for at most `timeoutMs`. Never throws: what goes wrong on the way is `unknown`. */
  send(request: ProviderRequest, timeoutMs: number): Promise<ProviderResult>;
  /** Closes its connections. */
  close(): Promise<void>;
};
