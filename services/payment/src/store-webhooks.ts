// Which webhooks were processed, by the provider's ids.

import type { Sql } from "#shared/sql";

/** Names a webhook. */
export type WebhookKey = { provider: string; noticeId: string };

/** Remembers webhooks. */
export type WebhookStore = {
  /** True when it was remembered. */
  isKnown(key: WebhookKey): Promise<boolean>;
  /** Remembers it, if it is new. */
  remember(key: WebhookKey): Promise<void>;
  /** Forgets up to `itemsMax` of those that came more than `keptMs` ago. Returns how many. */
  forget(options: { keptMs: number; itemsMax: number }): Promise<number>;
};

/** Returns the store. */
export function createWebhookStore(sql: Sql): WebhookStore {
  return {
    async isKnown({ provider, noticeId }) {
      const rows = await sql`
        select 1 from payment.webhook where provider = ${provider} and notice_id = ${noticeId}`;
      return rows.length > 0;
    },
    async remember({ provider, noticeId }) {
      await sql`
        insert into payment.webhook (provider, notice_id) values (${provider}, ${noticeId})
        on conflict (provider, notice_id) do nothing`;
    },
    async forget({ keptMs, itemsMax }) {
      const { count } = await sql`
        delete from payment.webhook
        where (provider, notice_id) in (
          select provider, notice_id
          from payment.webhook
          where received_at < now() - ${keptMs}::bigint * interval '1 millisecond'
          order by received_at
          limit ${itemsMax})`;
      return count;
    },
  };
}
