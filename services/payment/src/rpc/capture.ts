import type { Method } from "./context.ts";
import { keyFrom, outcomeMessage } from "./messages.ts";

/** Captures an authorised payment. */
export const capture: Method<"capture"> =
  ({ payments }) =>
  async (request, call) => ({
    outcome: outcomeMessage(await payments.perform({ kind: "capture", ...keyFrom(request.key) }, call)),
  });
