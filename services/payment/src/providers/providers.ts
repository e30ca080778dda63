// The providers that this service knows, by name. A payment stays with the provider that it began with: whoever changes
// PROVIDER can still refund what the former one took.

import type { AskProvider } from "../ask-provider.ts";
import type { Payment } from "../domain/payment.ts";
import { providerRequestOf } from "../domain/settle.ts";
import type { Provider, ProviderResult } from "./provider.ts";

/** The providers. */
export type Providers = {
  /** Returns a provider; undefined for one that is not set up here. */
  get(name: string): Provider | undefined;
  /** Asks a pending payment's provider for what its state wants. `unknown` where that provider is not set up here. */
  ask(payment: Payment, deadlineAtMs: number): Promise<ProviderResult>;
  /** Closes all connections. */
  close(): Promise<void>;
};

/** Returns the providers of `list`, asked by `askProvider`. */
export function createProviders(list: readonly Provider[], askProvider: AskProvider): Providers {
  const byName = new Map(list.map((provider) => [provider.name, provider]));
  return {
    get: (name) => byName.get(name),
    async ask(payment, deadlineAtMs) {
      const request = providerRequestOf(payment);
      const provider = byName.get(payment.order?.provider ?? "");
      if (!provider) return { kind: "unknown", cause: "provider_not_set_up" };
      return await askProvider(provider, request, deadlineAtMs);
    },
    close: async () => void (await Promise.all(list.map((provider) => provider.close()))),
  };
}
