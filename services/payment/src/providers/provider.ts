// What every payment provider has to be able to do. A provider behind this interface promises three things: the same
// idempotency key is acted on once, however often it is sent; a void by `reference` also kills an authorisation that has
// not arrived yet; and `declined` is said only when the provider certainly did nothing and never will.

import type { DeclineReason } from "../domain/decline-reason.ts";
import type { Dispute } from "../domain/dispute.ts";
import type { PaymentKey } from "../domain/payment.ts";
import type { SignatureFault } from "./webhook-signature.ts";

/** One thing to ask of a provider. `reference` is our name for the payment, which the provider knows it by as well. */
export type ProviderRequest = { reference: string } & (
  | ({ idempotencyKey: string } & (
      | { kind: "authorize"; eventId: string; amountMinor: number; currencyCode: string; paymentMethodToken: string }
      | { kind: "capture"; authorizationRef: string }
      | {
          kind: "void";
          eventId: string;
          amountMinor: number;
          currencyCode: string;
          authorizationRef: string | undefined;
        }
      | {
          kind: "refund";
          eventId: string;
          refundId: string;
          captureRef: string;
          amountMinor: number;
          currencyCode: string;
        }
    ))
  /** Asks how an authorisation stands that waits for the customer. Changes nothing. */
  | { kind: "lookup"; authorizationRef: string }
);

/** What came of it. */
export type ProviderResult =
  /** It was done; `ref` is the provider's name for it. */
  | { kind: "done"; ref: string }
  /** The provider says no, for good. */
  | { kind: "declined"; reason: DeclineReason }
  /** It waits for the customer, who has to go to `url`. Only of an authorisation. */
  | { kind: "actionRequired"; ref: string; url: string }
  /** It may have been done or not. `cause` is a short word for logs, without anything that the provider sent. */
  | { kind: "unknown"; cause: string };

/** What a webhook says. It is a hint: how a payment stands is asked of the provider. */
export type Notice = {
  /** The provider's name for it; a repeat has the same. */
  id: string;
  /** The payment, if it is one of ours. */
  about: PaymentKey | undefined;
  /** How its dispute stands now, if it tells of one. */
  dispute?: Dispute;
  /** Our id of the refund that has failed, also after it was made, if it tells of one. */
  failedRefundId?: string;
};

/** Why a webhook is not believed. */
export type NoticeFault = `signature_${SignatureFault}` | "no_secret" | "senseless";

/** What reading a webhook came to. */
export type NoticeResult =
  | { kind: "notice"; notice: Notice }
  /** Its sender is not the provider, it is too old, or it makes no sense. */
  | { kind: "refused"; why: NoticeFault }
  /** The provider has to be asked what it is about, and could not be. */
  | { kind: "unknown"; cause: string };

/** A connection to a provider. */
export type Provider = {
  /** Stored with each payment, e.g. `sandbox`. */
  name: string;
  /** Asks once, for at most `timeoutMs`. Never throws: what goes wrong on the way is `unknown`. */
  send(request: ProviderRequest, timeoutMs: number): Promise<ProviderResult>;
  /** Verifies and reads a webhook, for at most `timeoutMs`. Never throws. */
  readNotice(message: { body: Uint8Array; signature: string }, timeoutMs: number): Promise<NoticeResult>;
  /** Closes its connections. */
  close(): Promise<void>;
};
