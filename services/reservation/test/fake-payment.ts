// Payment for this service's tests: a real gRPC server whose payments follow the contract; the token says how.
//   tok_approve            authorised at once
//   tok_decline            declined
//   tok_capture_declined   authorised; the capture is declined
//   tok_unknown            AUTHORIZING, until `settings` say otherwise
//   tok_3ds                ACTION_REQUIRED, until `act`

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { PaymentService, RefusalReason } from "#stubs";
import { implement, startGrpcServer } from "#shared/grpc-server";
import { createLogger } from "#shared/logger";
import { createMetrics } from "#shared/metrics";
import {
  PaymentOutcomeSchema,
  PaymentState,
  type AuthorizeRequest,
  type PaymentKey,
  type PaymentOutcome,
  type RefundRequest,
  type RefundResponseSchema,
} from "#gen/boxoffice/payment/v1/payment";
import { createHooks, type Hooks } from "./hooks.ts";

type StoredPayment = {
  request: AuthorizeRequest;
  state: PaymentState;
  captures: number;
  /** What each of its refunds gave back, in minor units, by their ids. */
  refunds: Map<string, bigint>;
};

export type FakePayment = {
  target: string;
  payments: Map<string, StoredPayment>;
  hooks: Hooks;
  /** How the provider's unclear answers come out, from now on. */
  settings: {
    unknown: PaymentState;
    capturing: boolean;
    voiding: boolean;
    refunding: boolean;
    /** While refunding: the provider says that it is on its way, to be asked about after this. */
    refundPendingMs: number | undefined;
  };
  /** The states of a reservation's payments, in the order in which they were asked for. */
  statesOf(reservationId: string): (keyof typeof PaymentState)[];
  /** The customer proves who they are at the bank's page, or does not. */
  act(reservationId: string, isProven: boolean): void;
  /** How often the provider took money for a reservation. */
  capturesOf(reservationId: string): number;
  stop(): void;
};

export const bankPage = "https://bank.example/act";

export async function startFakePayment(): Promise<FakePayment> {
  const payments = new Map<string, StoredPayment>();
  const hooks = createHooks();
  const settings: FakePayment["settings"] = {
    ...{ unknown: PaymentState.AUTHORIZING, capturing: false, voiding: false, refunding: false },
    refundPendingMs: undefined,
  };
  const isPending = () => settings.refunding && settings.refundPendingMs !== undefined;

  function outcome(payment: StoredPayment, shown = payment.state): PaymentOutcome {
    const { key, reservationId, customerId, amount } = payment.request;
    return create(PaymentOutcomeSchema, {
      outcome: {
        case: "payment",
        value: {
          eventId: key!.eventId,
          paymentId: key!.paymentId,
          ...{ reservationId, customerId, amount: amount!, state: shown, provider: "fake" },
          refunded: { currencyCode: amount!.currencyCode, amountMinor: refundedOf(payment) },
          declineReason: payment.state === PaymentState.DECLINED ? "card_declined" : "",
          nextActionUrl: payment.state === PaymentState.ACTION_REQUIRED ? bankPage : "",
          ...(isPending() && payment.refunds.size > 0 && { refundPendingTime: timestampFromMs(Date.now()) }),
        },
      },
    });
  }

  const withPayment = (key: PaymentKey | undefined, use: (payment: StoredPayment) => PaymentOutcome) => {
    const found = payments.get(key?.paymentId ?? "");
    return found ? use(found) : refused(RefusalReason.NOT_FOUND);
  };

  // Keys that were voided before they were seen: nothing is ever authorised under them.
  const tombstones = new Set<string>();

  function voidUnseen({ eventId, paymentId }: PaymentKey): PaymentOutcome {
    tombstones.add(paymentId);
    const value = { eventId, paymentId, state: PaymentState.VOIDED };
    return create(PaymentOutcomeSchema, { outcome: { case: "payment", value } });
  }

  function voidKnown(payment: StoredPayment): PaymentOutcome {
    if (payment.captures > 0) return refused(RefusalReason.WRONG_STATE);
    if (payment.state !== PaymentState.DECLINED) {
      payment.state = settings.voiding ? PaymentState.VOIDING : PaymentState.VOIDED;
    }
    return outcome(payment);
  }

  function authorize(request: AuthorizeRequest): PaymentOutcome {
    const paymentId = request.key!.paymentId;
    if (tombstones.has(paymentId)) return voidUnseen(request.key!);
    const payment = payments.get(paymentId) ?? untouched(request);
    payments.set(paymentId, payment);
    if (payment.request.paymentMethodToken !== request.paymentMethodToken) {
      return refused(RefusalReason.IDEMPOTENCY_KEY_REUSED);
    }
    if (payment.state === PaymentState.AUTHORIZING) payment.state = answerTo(request.paymentMethodToken);
    return outcome(payment);
  }

  function answerTo(token: string): PaymentState {
    if (token === "tok_unknown") return settings.unknown;
    if (token === "tok_3ds") return PaymentState.ACTION_REQUIRED;
    return token === "tok_decline" ? PaymentState.DECLINED : PaymentState.AUTHORIZED;
  }

  function refund({ key, refundId, part }: RefundRequest): MessageInitShape<typeof RefundResponseSchema> {
    const payment = payments.get(key?.paymentId ?? "");
    if (!payment) return { outcome: refused(RefusalReason.NOT_FOUND) };
    const totalMinor = payment.request.amount!.amountMinor;
    const amountMinor = part?.amountMinor ?? totalMinor - refundedOf(payment);
    if (!payment.refunds.has(refundId)) {
      if (payment.captures === 0) return { outcome: refused(RefusalReason.WRONG_STATE, { state: "AUTHORIZED" }) };
      if (payment.state === PaymentState.REFUNDED && amountMinor > 0n) {
        return { outcome: refused(RefusalReason.WRONG_STATE, { state: "REFUNDED" }) };
      }
      if (refundedOf(payment) + amountMinor > totalMinor) {
        return { outcome: refused(RefusalReason.REFUND_EXCEEDS_PAYMENT) };
      }
      payment.refunds.set(refundId, amountMinor);
      if (refundedOf(payment) === totalMinor) payment.state = PaymentState.REFUNDED;
    }
    const { refunding, refundPendingMs } = settings;
    return {
      outcome: outcome(payment, refunding ? PaymentState.REFUNDING : payment.state),
      refund: {
        refundId,
        ...(!refunding && { finishTime: timestampFromMs(Date.now()) }),
        ...(refunding && refundPendingMs !== undefined && { retryAfter: durationFromMs(refundPendingMs) }),
      },
    };
  }

  const unimplemented = () => Promise.reject(new ConnectError("not part of this test", Code.Unimplemented));
  const server = await startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    log: createLogger({ service: "fake-payment", level: "silent" }),
    metrics: createMetrics(),
    implementations: [
      implement(PaymentService, {
        authorize: (request) => hooks.around("authorize", () => ({ outcome: authorize(request) })),
        capture: ({ key }) =>
          hooks.around("capture", () => ({
            outcome: withPayment(key, (payment) => {
              const declines = payment.request.paymentMethodToken === "tok_capture_declined";
              if (payment.state === PaymentState.AUTHORIZED) {
                payment.state = declines ? PaymentState.DECLINED : PaymentState.CAPTURED;
                payment.captures += declines ? 0 : 1;
              }
              if (payment.state === PaymentState.DECLINED) return outcome(payment);
              if (payment.state !== PaymentState.CAPTURED) return refused(RefusalReason.WRONG_STATE);
              return outcome(payment, settings.capturing ? PaymentState.CAPTURING : PaymentState.CAPTURED);
            }),
          })),
        void: ({ key }) =>
          hooks.around("void", () => ({
            outcome: payments.has(key!.paymentId) ? withPayment(key, voidKnown) : voidUnseen(key!),
          })),
        refund: (request) => hooks.around("refund", () => refund(request)),
        getPayments: ({ keys }) =>
          hooks.around("getPayments", () => ({
            outcomes: keys.map((key) => withPayment(key, (found) => outcome(found))),
          })),
        handleWebhook: unimplemented,
        checkInvariants: unimplemented,
        verifyLedger: unimplemented,
        getSaleFigures: unimplemented,
        explainPayments: unimplemented,
      }),
    ],
  });
  const of = (reservationId: string) =>
    [...payments.values()].filter(({ request }) => request.reservationId === reservationId);
  return {
    target: `127.0.0.1:${server.port}`,
    payments,
    hooks,
    settings,
    statesOf: (reservationId) => of(reservationId).map(({ state }) => PaymentState[state] as keyof typeof PaymentState),
    act(reservationId, isProven) {
      of(reservationId).at(-1)!.state = isProven ? PaymentState.AUTHORIZED : PaymentState.DECLINED;
    },
    capturesOf: (reservationId) => of(reservationId).reduce((sum, { captures }) => sum + captures, 0),
    stop: () => server.abort(),
  };
}

function untouched(request: AuthorizeRequest): StoredPayment {
  return { request, state: PaymentState.AUTHORIZING, captures: 0, refunds: new Map() };
}

function refundedOf({ refunds }: StoredPayment): bigint {
  return [...refunds.values()].reduce((sum, each) => sum + each, 0n);
}

function refused(reason: RefusalReason, metadata: Record<string, string> = {}): PaymentOutcome {
  return create(PaymentOutcomeSchema, {
    outcome: { case: "refusal", value: { reason, message: "refused", metadata } },
  });
}
