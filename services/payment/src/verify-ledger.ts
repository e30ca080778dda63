// Walks a stretch of the ledger's chain.

import {
  findBreak,
  genesis,
  type BrokenLink,
  type ChainPosition,
  type FoundLink,
  type TransactionKey,
} from "./domain/ledger-chain.ts";
import type { ChainStore } from "./store-chain.ts";

/** How far the chain holds. */
export type Verification = {
  /** The last good link. */
  verified: ChainPosition;
  headLink: number;
  /** True when the whole chain was walked and nothing is broken. */
  done: boolean;
  broken: BrokenLink | undefined;
  /** Transactions that wait to be sealed. */
  unsealed: number;
};

/** Walks up to `linksMax` links after a position (the beginning where undefined). Throws on failed I/O. */
export async function verifyLedger(
  chain: Pick<ChainStore, "readStretch">,
  { after = genesis, linksMax }: { after?: ChainPosition | undefined; linksMax: number },
): Promise<Verification> {
  const { startHash, links, headLink, unsealed, stray } = await chain.readStretch(after, linksMax);
  const facts = { headLink, unsealed };
  const lost = lostStart(after, startHash);
  if (lost) return { ...facts, verified: after, done: false, broken: lost };
  const broken = findBreak(links, { after, count: linksMax });
  const walked = links.slice(0, linksMax);
  const verified = broken ? walked.findLast(({ link }) => link < broken.link) : walked.at(-1);
  const reached = { ...facts, verified: verified ? positionOf(verified) : after };
  if (broken) return { ...reached, done: false, broken };
  if (links.length > linksMax) return { ...reached, done: false, broken: undefined };
  return { ...reached, done: !stray, broken: stray && unsealedStray(stray) };
}

function lostStart(after: ChainPosition, startHash: string | undefined): BrokenLink | undefined {
  if (startHash === after.hash) return undefined;
  return {
    link: after.link,
    kind: startHash === undefined ? "missing" : "altered",
    description: "the chain no longer passes through the position that the walk began at",
    key: undefined,
  };
}

function unsealedStray(key: TransactionKey): BrokenLink {
  return { link: 0, kind: "inserted", description: "no link seals this transaction, and none is about to", key };
}

function positionOf({ link, hash }: FoundLink): ChainPosition {
  return { link, hash };
}
