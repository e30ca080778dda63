import { RefusalReason } from "#stubs";
import { createRefusal } from "#shared/refusal";
import type { Method } from "./context.ts";
import { keyFrom, outcomeMessage } from "./messages.ts";

/** Reads payments. */
export const getPayments: Method<"getPayments"> =
  ({ store }) =>
  async ({ keys }) => {
    const payments = await store.read(keys.map(keyFrom));
    return {
      outcomes: payments.map((payment) =>
        outcomeMessage(
          payment
            ? { kind: "payment", payment }
            : { kind: "refused", refusal: createRefusal(RefusalReason.NOT_FOUND, "there is no such payment") },
        ),
      ),
    };
  };
