// The providers that this service knows, by name. A payment stays with the provider that it began with: whoever changes
// PROVIDER can still refund what the former one took.

import type { AskProvider } from "../ask-provider.ts";
import type { Payment } from "../domain/payment.ts";
import type { Provider, ProviderRequest, ProviderResult } from "./provider.ts";

/** Asks a payment's own provider. `unknown` where that provider is not set up here. */
export type AskFor = (
  payment: Pick<Payment, "order">,
  request: ProviderRequest,
  deadlineAtMs: number,
) => Promise<ProviderResult>;

/** The providers. */
export type Providers = {
  /** Returns a provider; undefined for one that is not set up here. */
  get(name: string): Provider | undefined;
  ask: AskFor;
  /** Closes all connections. */
  close(): Promise<void>;
};

/** Returns the providers of `list`, asked by `askProvider`. */
export function createProviders(list: readonly Provider[], askProvider: AskProvider): Providers {
  const byName = new Map(list.map((provider) => [provider.name, provider]));
  return {
    get: (name) => byName.get(name),
    async ask(payment, request, deadlineAtMs) {
      const provider = byName.get(payment.order?.provider ?? "");
      if (!provider) return { kind: "unknown", cause: "provider_not_set_up" };
      return await askProvider(provider, request, deadlineAtMs);
    },
    close: async () => void (await Promise.all(list.map((provider) => provider.close()))),
  };
}
