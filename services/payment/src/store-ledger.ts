// Posts one transaction to the ledger. What moves with a state of a payment or a refund is posted by the statement that moves
// it; this is for the rest.

import type { Transaction } from "#shared/sql";
import type { PaymentKey } from "./domain/payment.ts";

/** A transaction to be posted. Debits are positive, in minor units; together the entries are zero. */
export type Posting = PaymentKey & {
  kind: string;
  /** What it is posted for: the id of a refund or dispute. */
  reference: string;
  areaId: string;
  currencyCode: string;
  entries: readonly [account: string, amountMinor: number][];
};

/** Posts it. Throws where the ledger has it already. */
export async function post(tx: Transaction, posting: Posting): Promise<void> {
  const { eventId, paymentId, kind, reference, areaId, currencyCode } = posting;
  const entries = posting.entries.filter(([, amountMinor]) => amountMinor !== 0);
  await tx`
    with posted as (
      insert into payment.ledger_transaction (event_id, payment_id, kind, reference, area_id)
      values (${eventId}, ${paymentId}, ${kind}, ${reference}, ${areaId})
      returning event_id, payment_id, kind, reference
    )
    insert into payment.ledger_entry (event_id, payment_id, kind, reference, account, currency_code, amount_minor)
    select event_id, payment_id, kind, reference, account, ${currencyCode}, amount_minor
    from posted cross join unnest(
      ${entries.map(([account]) => account)}::text[], ${entries.map(([, amountMinor]) => amountMinor)}::bigint[]
    ) as e (account, amount_minor)`;
}
