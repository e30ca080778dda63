import { createHash } from "node:crypto";
import type { AuthorizeRequest } from "#gen/boxoffice/payment/v1/payment";
import type { Order } from "../domain/payment.ts";
import type { Method } from "./context.ts";
import { keyFrom, outcomeMessage } from "./messages.ts";

/** Authorises a payment. */
export const authorize: Method<"authorize"> =
  ({ payments, providerName }) =>
  async (request, call) => {
    const { paymentMethodToken } = request;
    const order = orderFrom(request, providerName);
    const outcome = await payments.perform(
      { kind: "authorize", ...keyFrom(request.key), order, paymentMethodToken },
      call,
    );
    return { outcome: outcomeMessage(outcome) };
  };

function orderFrom(request: AuthorizeRequest, provider: string): Order {
  const reservationId = request.reservationId.toLowerCase();
  const { customerId, areaId } = request;
  const { amountMinor, currencyCode } = request.amount!;
  // Without the area, which follows from the reservation: a caller that has learnt to name it repeats what it began before.
  const content = [reservationId, customerId, amountMinor, currencyCode, request.paymentMethodToken];
  return {
    reservationId,
    customerId,
    areaId,
    amountMinor: Number(amountMinor),
    currencyCode,
    requestHash: createHash("sha256").update(content.join("\n")).digest("hex"),
    provider,
  };
}
