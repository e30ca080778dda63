// The sandbox provider as the harness sees it, past all proxies: what it did, how its webhooks go, and its page for buyers.

import type { Authorization } from "../../services/payment/src/sandbox/authorization.ts";
import type { Stats } from "../../services/payment/src/sandbox/book.ts";
import type { Delivery } from "../../services/payment/src/sandbox/notices.ts";
import type { FaultStack } from "./stack.ts";

/** Where the provider is now. */
export type ProviderAt = Pick<FaultStack, "sandboxUrl">;

/** Returns how often it really did things. */
export async function providerStats({ sandboxUrl }: ProviderAt): Promise<Stats> {
  return (await (await fetch(`${sandboxUrl()}/v1/stats`)).json()) as Stats;
}

/** Returns what became of a payment, undefined where the provider never heard of it. */
export async function authorizationOf({ sandboxUrl }: ProviderAt, id: string): Promise<Authorization | undefined> {
  const response = await fetch(`${sandboxUrl()}/v1/authorizations/${id}`);
  const body = (await response.json()) as Authorization;
  return response.ok ? body : undefined;
}

/** Returns its latest webhooks, oldest first. */
export async function deliveriesOf({ sandboxUrl }: ProviderAt): Promise<Delivery[]> {
  const response = await fetch(`${sandboxUrl()}/v1/webhooks`);
  return ((await response.json()) as { deliveries: Delivery[] }).deliveries;
}

/** Says where webhooks go from now on, or in what way. */
export async function steerWebhooks(
  sandboxUrl: string,
  wish: { url: string } | { held: true } | { held: false; reversed: boolean; copies: number },
): Promise<void> {
  const response = await fetch(`${sandboxUrl}/v1/webhooks`, { method: "PUT", body: JSON.stringify(wish) });
  if (!response.ok) throw new Error(`the sandbox can't be steered: ${response.status}`);
  await response.arrayBuffer();
}

/** Takes the provider down, so that it answers every call with 503, or up again. */
export async function setOutage({ sandboxUrl }: ProviderAt, down: boolean): Promise<void> {
  const response = await fetch(`${sandboxUrl()}/v1/outage`, { method: "PUT", body: JSON.stringify({ down }) });
  if (!response.ok) throw new Error(`the sandbox can't be taken ${down ? "down" : "up"}: ${response.status}`);
  await response.arrayBuffer();
}

/** The page where a buyer says to the bank that it is them, or not. */
export type Bank = {
  /** Presses a button. Where nobody answers, or the page is forgotten, nothing happens: who asks again is sent here again. */
  answer(pageUrl: string, isYes: boolean): Promise<void>;
};

const answerTimeoutMs = 2_000;

/** Returns the bank, wherever it is by the time that somebody comes. */
export function createBank({ sandboxUrl }: ProviderAt): Bank {
  return {
    async answer(pageUrl, isYes) {
      const button = isYes ? "complete" : "fail";
      const press = async () => {
        const url = `${sandboxUrl()}${new URL(pageUrl).pathname}/${button}`;
        const response = await fetch(url, { method: "POST", signal: AbortSignal.timeout(answerTimeoutMs) });
        await response.arrayBuffer();
      };
      await press().catch(() => {});
    },
  };
}
