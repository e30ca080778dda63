// What every payment provider has to be able to do. A provider behind this interface promises three things: the same
// idempotency key is acted on once, however often it is sent; a void by `reference` also kills an authorisation that has
// not arrived yet; and `declined` is said only when the provider certainly did nothing and never will.

import type { DeclineReason } from "../domain/decline-reason.ts";
import type { Dispute } from "../domain/dispute.ts";
import type { Fee } from "../domain/fee.ts";
import type { PaymentKey } from "../domain/payment.ts";
import type { PendingCause } from "../domain/pending-refund.ts";
import type { SignatureFault } from "./webhook-signature.ts";

/** One thing to ask of a provider. `reference` is our name for the payment, which the provider knows it by as well. */
export type ProviderRequest = { reference: string } & (
  | ({ idempotencyKey: string } & (
      | {
          kind: "authorize";
          eventId: string;
          amountMinor: number;
          currencyCode: string;
          paymentMethodToken: string;
          /** What the provider has prepared, once it is written down. */
          authorizationRef: string | undefined;
        }
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
          /** Of the capture: what lost disputes have paid of its refunds, and the provider can't give back any more. */
          coveredMinor: number;
          /** Of one that repays another: when that one was done, since when somebody else may have paid it once more. */
          owedSince: Date | undefined;
          /** The provider's names for what is booked as other refunds of the payment, and so was not meant for this one. */
          bookedRefs: readonly string[];
        }
    ))
  /** Asks how an authorisation stands that waits for the customer. Changes nothing. */
  | { kind: "lookup"; authorizationRef: string }
);

/** Why a person has to look at a refund at the provider. */
export type RefusedRefund = "exceeds_what_is_left" | "given_by_hand" | "refund_of_another_amount";

/** What came of it. */
export type ProviderResult =
  /**
   * It was done; `ref` is the provider's name for it. Of a capture it may tell the fee; without one it is asked for later.
   * `byHand`: by somebody else, at the provider; only of a refund.
   */
  | { kind: "done"; ref: string; fee?: Fee; byHand?: true }
  /**
   * The provider says no, for good. `detail` is for whoever has to mend a refund that was refused. `isUnsure`: it is to be asked
   * with another key, and may have done it all the same; only of a refund.
   */
  | { kind: "declined"; reason: DeclineReason; detail?: RefusedRefund; isUnsure?: true }
  /** Nothing is on hold yet: to be asked again with `ref`, as soon as that is written down. Only of an authorisation. */
  | { kind: "prepared"; ref: string }
  /** It is made, and on its way; that may take days. Only of a refund. */
  | { kind: "pending"; cause: PendingCause }
  /** It waits for the customer, who has to go to `url`. Only of an authorisation. */
  | { kind: "actionRequired"; ref: string; url: string }
  /** It may have been done or not. `cause` is a short word for logs, without anything that the provider sent. */
  | { kind: "unknown"; cause: string };

/** What asking for a capture's fee came to. */
export type FeeResult =
  | { kind: "fee"; fee: Fee }
  /** The provider does not know it yet, or could not be asked. `cause` as above. */
  | { kind: "unknown"; cause: string };

/** What asking for a dispute came to. */
export type DisputeResult =
  | { kind: "dispute"; dispute: Dispute }
  /** The provider says that it has none of that name. */
  | { kind: "missing" }
  /** It could not be asked. `cause` as above. */
  | { kind: "unknown"; cause: string };

/** What a webhook is about, as the provider says when it is asked. It is a hint: how a payment stands is asked as well. */
export type Notice = {
  /** The payment, if it is one of ours. */
  about: PaymentKey | undefined;
  /** How its dispute stands now, if it tells of one. */
  dispute?: Dispute;
  /** Refunds that have failed, if it tells of such, also after they were made. */
  failedRefunds?: FailedRefund[];
};

/** A refund that has failed: our id of it, and the provider's name for the try that did. */
export type FailedRefund = { refundId: string; ref: string };

/** Why a webhook is not believed. */
export type NoticeFault = `signature_${SignatureFault}` | "no_secret" | "senseless";

/** What reading a webhook came to. */
export type NoticeResult =
  /**
   * `id` is the provider's name for it; a repeat has the same. `learn` finds out what it is about, for which the provider may
   * have to be asked, for at most `timeoutMs`. Never throws.
   */
  | { kind: "read"; id: string; learn(timeoutMs: number): Promise<LearnedNotice> }
  /** Its sender is not the provider, it is too old, or it makes no sense. */
  | { kind: "refused"; why: NoticeFault };

/** What finding out what a webhook is about came to. */
export type LearnedNotice =
  | { kind: "notice"; notice: Notice }
  /** The provider has to be asked, and could not be. */
  | { kind: "unknown"; cause: string };

/** A connection to a provider. */
export type Provider = {
  /** Stored with each payment, e.g. `sandbox`. */
  name: string;
  /** Asks once, for at most `timeoutMs`. Never throws: what goes wrong on the way is `unknown`. */
  send(request: ProviderRequest, timeoutMs: number): Promise<ProviderResult>;
  /** Asks what it kept of a capture, for at most `timeoutMs`. Never throws. */
  readFee(capture: { reference: string; captureRef: string }, timeoutMs: number): Promise<FeeResult>;
  /** Asks how a dispute of the payment `reference` stands, for at most `timeoutMs`. Never throws. */
  readDispute(dispute: { reference: string; ref: string }, timeoutMs: number): Promise<DisputeResult>;
  /** Verifies a webhook and reads its id, without asking anybody. Never throws. */
  readNotice(message: { body: Uint8Array; signature: string }): NoticeResult;
  /** Closes its connections. */
  close(): Promise<void>;
};
