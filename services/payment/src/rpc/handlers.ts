// The service's methods. Each parses its request, calls one function, and translates the outcome.

import type { Handlers } from "#shared/grpc-server";
import type { PaymentService } from "#stubs";
import { authorize } from "./authorize.ts";
import { capture } from "./capture.ts";
import { checkInvariants } from "./check-invariants.ts";
import type { RpcContext } from "./context.ts";
import { explainPayments } from "./explain-payments.ts";
import { getPayments } from "./get-payments.ts";
import { getSaleFigures } from "./get-sale-figures.ts";
import { handleWebhook } from "./handle-webhook.ts";
import { refund } from "./refund.ts";
import { inTurnOf } from "./report-turns.ts";
import { verifyLedger } from "./verify-ledger.ts";
import { voidPayment } from "./void.ts";

/** Returns a handler for each method of PaymentService. */
export function createHandlers(context: RpcContext): Handlers<typeof PaymentService> {
  return {
    authorize: authorize(context),
    capture: capture(context),
    void: voidPayment(context),
    refund: refund(context),
    getPayments: getPayments(context),
    handleWebhook: handleWebhook(context),
    checkInvariants: inTurnOf(context.reports, checkInvariants(context)),
    verifyLedger: inTurnOf(context.reports, verifyLedger(context)),
    getSaleFigures: inTurnOf(context.reports, getSaleFigures(context)),
    explainPayments: explainPayments(context),
  };
}
