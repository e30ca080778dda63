// Walks the ledger's whole chain, stretch by stretch, as `VerifyLedger` answers them.

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  LedgerBreak,
  type VerifyLedgerRequestSchema,
  type VerifyLedgerResponse,
} from "#gen/boxoffice/edge/v1/operations";

type Ask = (request: MessageInitShape<typeof VerifyLedgerRequestSchema>) => Promise<VerifyLedgerResponse>;

/** A place in the chain; `link` counts from 1, `hash` is hexadecimal. */
export type Position = { link: bigint; hash: string };

/** What a walk came to. */
export type Walk = { kind: "whole"; head: Position | undefined; unsealed: bigint } | { kind: "broken"; words: string };

const linksMax = 5_000;

/**
 * Walks from a position, or from the beginning, to the end or to the first broken link; `onProgress` hears of each stretch in
 * which something was verified. Throws what `ask` throws.
 */
export async function walkLedger(
  ask: Ask,
  options: { after: Position | undefined; onProgress: (position: Position, headLink: bigint) => void },
): Promise<Walk> {
  let { after } = options;
  for (;;) {
    const { verified, headLink, done, broken, unsealed } = await ask({ linksMax, ...(after && { after }) });
    const position = verified?.link ? { link: verified.link, hash: verified.hash } : undefined;
    // Where nothing was verified, the answer names the position that it was asked to begin after.
    if (position && position.link > (after?.link ?? 0n)) options.onProgress(position, headLink);
    if (broken) return { kind: "broken", words: wordsOf(broken) };
    if (done) return { kind: "whole", head: position, unsealed };
    after = position;
  }
}

/** Returns a position as `parsePosition` reads it. */
export function printPosition({ link, hash }: Position): string {
  return `${link}:${hash}`;
}

/** Returns the position in a text such as `17:9f86d0…`, in whichever case its hash is, or undefined where it is none. */
export function parsePosition(text: string): Position | undefined {
  const [, link, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text.toLowerCase()) ?? [];
  return link && hash ? { link: BigInt(link), hash } : undefined;
}

function wordsOf(broken: NonNullable<VerifyLedgerResponse["broken"]>): string {
  const { link, kind, description, eventId, paymentId, transactionKind, reference } = broken;
  const what = [transactionKind, reference].filter(Boolean).join(" ");
  const where = paymentId ? ` (${what} of payment ${paymentId}, event ${eventId})` : "";
  return `link ${link} is ${LedgerBreak[kind]!.toLowerCase()}: ${description}${where}`;
}
