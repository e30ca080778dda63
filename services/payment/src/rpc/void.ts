import type { Method } from "./context.ts";
import { keyFrom, outcomeMessage } from "./messages.ts";

/** Voids a payment. */
export const voidPayment: Method<"void"> =
  ({ payments }) =>
  async (request, call) => ({
    outcome: outcomeMessage(await payments.perform({ kind: "void", ...keyFrom(request.key) }, call)),
  });
