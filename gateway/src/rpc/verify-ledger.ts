import type { LedgerBreak, OperationsService } from "#gen/boxoffice/edge/v1/operations";
import type { LedgerPosition } from "#gen/boxoffice/payment/v1/payment";
import type { Backends } from "../backends.ts";
import { boundsOf } from "./handler-call.ts";
import type { EdgeHandler } from "./pipeline.ts";

/** Returns the handler of VerifyLedger. */
export function createVerifyLedger({
  payment,
}: Pick<Backends, "payment">): EdgeHandler<typeof OperationsService.method.verifyLedger> {
  return async ({ after, linksMax }, call) => {
    const { verified, headLink, done, broken, unsealed } = await payment.verifyLedger(
      { linksMax, ...(after && { after: position(after) }) },
      boundsOf(call),
    );
    return {
      ...(verified && { verified: position(verified) }),
      headLink,
      done,
      unsealed,
      ...(broken && {
        broken: {
          link: broken.link,
          // The two enums have the same numbers; a test holds them together.
          kind: broken.kind as number as LedgerBreak,
          description: broken.description,
          eventId: broken.eventId,
          paymentId: broken.paymentId,
          transactionKind: broken.transactionKind,
          reference: broken.reference,
        },
      }),
    };
  };
}

function position({ link, hash }: Pick<LedgerPosition, "link" | "hash">) {
  return { link, hash };
}
