// The sandbox's webhooks: signed, repeated until they are taken, and, where a test wants it, late, twice or in the wrong order.

import { randomUUID } from "node:crypto";
import { signWebhook } from "../providers/webhook-signature.ts";

/** What a webhook tells of. */
export type NoticeType =
  | "authorization.authorized"
  | "authorization.declined"
  | "authorization.requires_action"
  | "dispute.changed"
  | "refund.failed";

/** A webhook and how its delivery goes. */
export type Delivery = {
  id: string;
  type: NoticeType;
  reference: string;
  tries: number;
  /** Of the last answer. */
  status?: number;
};

/** Sends webhooks. */
export type Notices = {
  /** Sends one; does nothing without an endpoint. */
  emit(type: NoticeType, about: { reference: string; group: string | undefined }): void;
  /** Where they go, from the next try on. */
  setEndpoint(url: string): void;
  /** Keeps what is emitted from now on, until it is released. */
  hold(): void;
  /** Sends what was held: in the wrong order and several times, if so wished. */
  release(how: { isReversed: boolean; copies: number }): void;
  /** The latest deliveries, oldest first. */
  readonly deliveries: readonly Delivery[];
  /** Sends nothing any more. */
  stop(): void;
};

const deliveriesMax = 200;
const heldMax = 1_000;
const underWayMax = 1_000;
const tryMs = 10_000;
const triesMax = 30;
const pauseMsMin = 250;
const pauseMsMax = 30_000;

type Message = { delivery: Delivery; body: string };

/** Returns the sender of webhooks; without a secret it sends none. */
export function createNotices(options: { endpoint: string; secret: string; now: () => number }): Notices {
  const { secret, now } = options;
  const deliveries: Delivery[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let endpoint = options.endpoint;
  let held: Message[] | undefined;
  let underWay = 0;
  let isStopped = false;

  async function tryOnce({ delivery, body }: Message): Promise<void> {
    delivery.tries += 1;
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": "application/json", "sandbox-signature": signWebhook(body, { secret, atMs: now() }) },
      body,
      signal: AbortSignal.timeout(tryMs),
    });
    await response.arrayBuffer();
    delivery.status = response.status;
  }

  async function deliver(message: Message): Promise<void> {
    const { delivery } = message;
    await tryOnce(message).catch(() => delete delivery.status);
    const isTaken = delivery.status !== undefined && delivery.status < 300;
    if (isTaken || isStopped || delivery.tries >= triesMax) return void (underWay -= 1);
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        void deliver(message);
      },
      Math.min(pauseMsMax, pauseMsMin * 2 ** (delivery.tries - 1)),
    );
    timers.add(timer);
  }

  function send(message: Message): void {
    if (underWay >= underWayMax) return;
    underWay += 1;
    void deliver(message);
  }

  return {
    emit(type, { reference, group }) {
      if (endpoint === "" || secret === "" || isStopped) return;
      const delivery: Delivery = { id: `evt_${randomUUID()}`, type, reference, tries: 0 };
      if (deliveries.push(delivery) > deliveriesMax) deliveries.shift();
      const message = { delivery, body: JSON.stringify({ id: delivery.id, type, reference, group }) };
      if (!held) send(message);
      else if (held.length < heldMax) held.push(message);
    },
    setEndpoint: (url) => void (endpoint = url),
    hold: () => void (held ??= []),
    release({ isReversed, copies }) {
      const messages = (isReversed ? held?.toReversed() : held) ?? [];
      held = undefined;
      for (let copy = 0; copy < copies; copy += 1) messages.forEach(send);
    },
    deliveries,
    stop() {
      isStopped = true;
      timers.forEach(clearTimeout);
    },
  };
}
