import type { Handlers } from "#shared/grpc-server";
import type { PaymentService } from "#stubs";
import type { Bulkhead } from "../bulkhead.ts";
import type { Payments } from "../payments.ts";
import type { ChainStore } from "../store-chain.ts";
import type { HistoryStore } from "../store-history.ts";
import type { InvariantStore } from "../store-invariants.ts";
import type { SalesStore } from "../store-sales.ts";
import type { Store } from "../store.ts";
import type { HandleWebhook } from "../webhooks.ts";

/** What the methods work with. */
export type RpcContext = {
  payments: Pick<Payments, "perform" | "refund">;
  store: Pick<Store, "read">;
  invariants: InvariantStore;
  chain: Pick<ChainStore, "readStretch">;
  sales: SalesStore;
  /** Lets callers in who have whole tables read. */
  reports: Pick<Bulkhead, "enter">;
  webhooks: HandleWebhook;
  histories: HistoryStore;
  /** Milliseconds that a pending payment is left to its callers. */
  resumeAfterMs: number;
  /** The provider of new payments. */
  providerName: string;
};

/** Makes the handler of a method. */
export type Method<Name extends keyof Handlers<typeof PaymentService>> = (
  context: RpcContext,
) => Handlers<typeof PaymentService>[Name];
