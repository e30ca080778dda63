// The ledger's hash chain: what a link is made of, and which one is broken first. Pure.
//
// Each ledger transaction has one link. Its content hash is over the transaction and its entries, its hash over the hash of
// the link before and that content hash:
//
//   content_hash = SHA-256( JSON of ["boxoffice.ledger.1", event, payment, kind, area, created_at in µs,
//                           [[account, currency, amount], …] by account and currency] )
//                  kind is followed by `:` and the reference where there is one: `refund:<refund id>`
//   hash         = SHA-256( previous_hash as 32 bytes ‖ content_hash as 32 bytes ), previous_hash of the first all zero
//
// The number of a link is in no hash: its place follows from the link that it was sealed after.

import { createHash } from "node:crypto";

/** Names a ledger transaction. */
export type TransactionKey = {
  eventId: string;
  paymentId: string;
  kind: string;
  /** What it was posted for where a payment can have several of a kind: the id of a refund or dispute; else empty. */
  reference: string;
};

/** A posting: account, currency, amount in minor units as decimal text; debits are positive. */
export type LedgerEntry = readonly [account: string, currencyCode: string, amountMinor: string];

/** A transaction with its entries, ordered by account and currency. */
export type LedgerTransaction = TransactionKey & {
  areaId: string;
  /** Microseconds since the epoch. */
  createdAtUs: number;
  entries: readonly LedgerEntry[];
};

/** A place in the chain: after this link. Hashes are SHA-256 in hex. */
export type ChainPosition = { link: number; hash: string };

/** A link to be written. */
export type Link = TransactionKey & ChainPosition & { previousHash: string; contentHash: string };

/** A link as it is found, with what it seals. */
export type FoundLink = Link & {
  /** Number of the link whose hash is `previousHash`, 0 for the beginning; undefined where there is none. */
  sealedAfter: number | undefined;
  /** Undefined where it is gone. */
  transaction: LedgerTransaction | undefined;
};

/** How a link is broken. */
export type BreakKind = "missing" | "altered" | "reordered" | "inserted" | "unbalanced";

/** The first broken link; number 0 for a transaction that no link seals. */
export type BrokenLink = { link: number; kind: BreakKind; description: string; key: TransactionKey | undefined };

/** Where the chain begins. */
export const genesis: ChainPosition = { link: 0, hash: "0".repeat(64) };

/** Returns a link for each transaction, in order, the first of them after `head`. */
export function sealTransactions(head: ChainPosition, transactions: readonly LedgerTransaction[]): Link[] {
  let last = head;
  return transactions.map((transaction) => {
    const { eventId, paymentId, kind, reference } = transaction;
    const contentHash = contentHashOf(transaction);
    const hash = linkHashOf({ previousHash: last.hash, contentHash });
    const key = { eventId, paymentId, kind, reference };
    const link = { ...key, link: last.link + 1, previousHash: last.hash, contentHash, hash };
    last = link;
    return link;
  });
}

/**
 * Returns the first broken link among the first `count` of `links`, or undefined. They are in the order of their numbers and
 * follow `after`; what comes behind them helps to tell an insertion from a loss.
 */
export function findBreak(
  links: readonly FoundLink[],
  { after, count }: { after: ChainPosition; count: number },
): BrokenLink | undefined {
  let before = after;
  for (const [index, link] of links.slice(0, count).entries()) {
    const broken = breakOf(link, { before, next: links[index + 1] });
    if (broken) return broken;
    before = link;
  }
  return undefined;
}

type Neighbours = { before: ChainPosition; next: FoundLink | undefined };

function breakOf(link: FoundLink, { before, next }: Neighbours): BrokenLink | undefined {
  if (link.link !== before.link + 1) {
    const description = `the link is gone: ${link.link} follows ${before.link}`;
    return { link: before.link + 1, kind: "missing", description, key: undefined };
  }
  if (link.hash !== linkHashOf(link)) return broken(link, "altered", "the link's hash is not that of its content");
  if (link.previousHash !== before.hash) return displaced(link, { before, next });
  const { transaction } = link;
  if (!transaction) return broken(link, "missing", "the transaction that was sealed is gone");
  if (contentHashOf(transaction) !== link.contentHash) {
    return broken(link, "altered", "the transaction or its entries are not those that were sealed");
  }
  if (!isBalanced(transaction)) return broken(link, "unbalanced", "the entries do not add up to zero in each currency");
  return undefined;
}

// The link is whole, but it was not sealed after the one that it follows.
function displaced(link: FoundLink, { before, next }: Neighbours): BrokenLink {
  const { sealedAfter } = link;
  if (sealedAfter === undefined) {
    return next?.previousHash === before.hash
      ? broken(link, "inserted", `link ${next.link} was sealed after ${before.link}, this one after none that is here`)
      : broken(link, "missing", `the link that it was sealed after is gone; ${before.link} stands in its place`);
  }
  return sealedAfter > link.link
    ? broken(link, "reordered", `it was sealed after the link that is now ${sealedAfter}`)
    : broken(link, "inserted", `it was sealed after link ${sealedAfter}, and not after ${before.link}`);
}

function broken(found: FoundLink, how: BreakKind, description: string): BrokenLink {
  const { link, eventId, paymentId, kind, reference } = found;
  return { link, kind: how, description, key: { eventId, paymentId, kind, reference } };
}

function contentHashOf(transaction: LedgerTransaction): string {
  const { eventId, paymentId, kind, reference, areaId, createdAtUs, entries } = transaction;
  const what = reference === "" ? kind : `${kind}:${reference}`;
  const content = ["boxoffice.ledger.1", eventId, paymentId, what, areaId, createdAtUs, entries];
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

function linkHashOf({ previousHash, contentHash }: Pick<Link, "previousHash" | "contentHash">): string {
  return createHash("sha256").update(previousHash, "hex").update(contentHash, "hex").digest("hex");
}

function isBalanced({ entries }: LedgerTransaction): boolean {
  const totals = new Map<string, bigint>();
  for (const [, currencyCode, amountMinor] of entries) {
    totals.set(currencyCode, (totals.get(currencyCode) ?? 0n) + BigInt(amountMinor));
  }
  return totals.size > 0 && [...totals.values()].every((total) => total === 0n);
}
