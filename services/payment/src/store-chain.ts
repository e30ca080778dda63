// All SQL of the ledger's hash chain.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import {
  genesis,
  sealTransactions,
  type ChainPosition,
  type FoundLink,
  type LedgerEntry,
  type LedgerTransaction,
  type TransactionKey,
} from "./domain/ledger-chain.ts";
import { readSnapshot } from "./snapshot.ts";

/** What a round of sealing did. */
export type Sealed = {
  /** Links that it added. */
  links: number;
  /** The last link afterwards; undefined where nothing was added. */
  head: ChainPosition | undefined;
};

/** A stretch of the chain. */
export type Stretch = {
  /** The hash of the link that it follows, as it stands now; undefined where that link is gone. */
  startHash: string | undefined;
  /** By number; one more than was asked for where the chain goes on. */
  links: FoundLink[];
  headLink: number;
  /** Transactions that wait to be sealed. */
  unsealed: number;
  /** A transaction that neither a link seals nor the queue knows; looked for at the end of the chain only. */
  stray: TransactionKey | undefined;
};

/** The chain in the database. */
export type ChainStore = {
  /** Chains up to `itemsMax` transactions that wait, oldest first. Does nothing while another replica does it. */
  seal(options: { itemsMax: number }): Promise<Sealed>;
  /** Returns up to `linksMax` links after a position, and one more, from one snapshot. */
  readStretch(after: ChainPosition, linksMax: number): Promise<Stretch>;
};

type LinkRow = Omit<FoundLink, "sealedAfter" | "transaction"> & {
  sealedAfter: number | null;
  areaId: string | null;
  createdAtUs: number;
  entries: LedgerEntry[];
};

/** Returns the chain store, which reads stretches on `reports`. */
export function createChainStore(sql: Sql, reports: Sql): ChainStore {
  return {
    async seal({ itemsMax }) {
      // Most looks find nothing, and cost no transaction and no lock.
      const [waiting] = await sql`select 1 from payment.ledger_unsealed order by created_at limit 1`;
      if (!waiting) return { links: 0, head: undefined };
      return await transact(sql, (tx) => seal(tx, itemsMax));
    },
    readStretch: (after, linksMax) => readSnapshot(reports, (tx) => readStretch(tx, after, linksMax)),
  };
}

// The lock keeps replicas from doing the same work, the unique keys of ledger_link from ever making two chains.
async function seal(tx: Transaction, itemsMax: number): Promise<Sealed> {
  const [lock] = await tx<{ taken: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended('boxoffice.payment.seal', 0)) as taken`;
  if (!lock!.taken) return { links: 0, head: undefined };
  const [last] = await tx<ChainPosition[]>`
    select link_no as link, encode(hash, 'hex') as hash from payment.ledger_link order by link_no desc limit 1`;
  const transactions = await tx<LedgerTransaction[]>`
    with taken as (
      delete from payment.ledger_unsealed as u
      using (
        select created_at, event_id, payment_id, kind, reference
        from payment.ledger_unsealed
        order by created_at, event_id, payment_id, kind, reference
        limit ${itemsMax}
      ) as oldest
      where u.created_at = oldest.created_at and u.event_id = oldest.event_id
        and u.payment_id = oldest.payment_id and u.kind = oldest.kind and u.reference = oldest.reference
      returning u.*
    )
    select ${transactionColumns(tx)}
    from taken join payment.ledger_transaction as t using (event_id, payment_id, kind, reference)
    where not exists (
      select from payment.ledger_link as l
      where l.event_id = t.event_id and l.payment_id = t.payment_id and l.kind = t.kind
        and l.reference = t.reference
    )
    order by t.created_at, t.event_id, t.payment_id, t.kind, t.reference`;
  const links = sealTransactions(last ?? genesis, transactions);
  if (links.length === 0) return { links: 0, head: undefined };
  await tx`
    insert into payment.ledger_link (
      link_no, event_id, payment_id, kind, reference, previous_hash, content_hash, hash)
    select link_no, event_id, payment_id, kind, reference, decode(previous_hash, 'hex'), decode(content_hash, 'hex'),
      decode(hash, 'hex')
    from unnest(
      ${links.map(({ link }) => link)}::bigint[],
      ${links.map(({ eventId }) => eventId)}::uuid[],
      ${links.map(({ paymentId }) => paymentId)}::uuid[],
      ${links.map(({ kind }) => kind)}::text[],
      ${links.map(({ reference }) => reference)}::text[],
      ${links.map(({ previousHash }) => previousHash)}::text[],
      ${links.map(({ contentHash }) => contentHash)}::text[],
      ${links.map(({ hash }) => hash)}::text[]
    ) as l (link_no, event_id, payment_id, kind, reference, previous_hash, content_hash, hash)`;
  const { link, hash } = links.at(-1)!;
  return { links: links.length, head: { link, hash } };
}

async function readStretch(tx: Transaction, after: ChainPosition, linksMax: number): Promise<Stretch> {
  const rows = await tx<LinkRow[]>`
    select l.link_no as link, l.event_id as "eventId", l.payment_id as "paymentId", l.kind, l.reference,
      encode(l.previous_hash, 'hex') as "previousHash", encode(l.content_hash, 'hex') as "contentHash",
      encode(l.hash, 'hex') as hash, p.link_no as "sealedAfter", t.area_id as "areaId",
      (extract(epoch from t.created_at) * 1000000)::bigint as "createdAtUs", ${entriesOf(tx, "l")}
    from (
      select * from payment.ledger_link where link_no > ${after.link} order by link_no limit ${linksMax + 1}
    ) as l
    left join payment.ledger_link as p on p.hash = l.previous_hash
    left join payment.ledger_transaction as t
      on t.event_id = l.event_id and t.payment_id = l.payment_id and t.kind = l.kind and t.reference = l.reference
    order by l.link_no`;
  const [facts] = await tx<{ startHash: string | null; headLink: number; unsealed: number }[]>`
    select (select encode(hash, 'hex') from payment.ledger_link where link_no = ${after.link}) as "startHash",
      (select coalesce(max(link_no), 0) from payment.ledger_link) as "headLink",
      (select count(*) from payment.ledger_unsealed) as unsealed`;
  return {
    ...facts!,
    startHash: after.link === 0 ? genesis.hash : (facts!.startHash ?? undefined),
    links: rows.map(foundLink),
    stray: rows.length <= linksMax ? await findStray(tx) : undefined,
  };
}

async function findStray(tx: Transaction): Promise<TransactionKey | undefined> {
  const [stray] = await tx<TransactionKey[]>`
    select t.event_id as "eventId", t.payment_id as "paymentId", t.kind, t.reference
    from payment.ledger_transaction as t
    left join payment.ledger_link as l using (event_id, payment_id, kind, reference)
    left join payment.ledger_unsealed as u using (event_id, payment_id, kind, reference)
    where l.kind is null and u.kind is null
    order by t.created_at
    limit 1`;
  return stray;
}

function foundLink({ sealedAfter, areaId, createdAtUs, entries, ...link }: LinkRow): FoundLink {
  const { eventId, paymentId, kind, reference } = link;
  return {
    ...link,
    sealedAfter: link.previousHash === genesis.hash ? 0 : (sealedAfter ?? undefined),
    transaction: areaId === null ? undefined : { eventId, paymentId, kind, reference, areaId, createdAtUs, entries },
  };
}

function transactionColumns(tx: Transaction) {
  return tx`
    t.event_id as "eventId", t.payment_id as "paymentId", t.kind, t.reference, t.area_id as "areaId",
    (extract(epoch from t.created_at) * 1000000)::bigint as "createdAtUs", ${entriesOf(tx, "t")}`;
}

// Of the transaction that a row called `alias` names; in an order of bytes, whatever the database's collation is.
function entriesOf(tx: Transaction, alias: string) {
  return tx`(
    select coalesce(json_agg(json_build_array(e.account, e.currency_code, e.amount_minor::text)
      order by e.account collate "C", e.currency_code collate "C"), '[]')
    from payment.ledger_entry as e
    where e.event_id = ${tx(alias)}.event_id and e.payment_id = ${tx(alias)}.payment_id and e.kind = ${tx(alias)}.kind
      and e.reference = ${tx(alias)}.reference
  ) as entries`;
}
