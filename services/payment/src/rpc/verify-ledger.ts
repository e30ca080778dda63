import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  LedgerBreak,
  type BrokenLinkSchema,
  type LedgerPosition as LedgerPositionMessage,
} from "#gen/boxoffice/payment/v1/payment";
import { errorFromRefusal } from "#shared/status";
import { refuseFields } from "#shared/validate";
import type { BreakKind, BrokenLink, ChainPosition } from "../domain/ledger-chain.ts";
import { verifyLedger as verify } from "../verify-ledger.ts";
import type { Method } from "./context.ts";

const linksMaxDefault = 2_000;

/** Walks a stretch of the ledger's chain. */
export const verifyLedger: Method<"verifyLedger"> =
  ({ chain }) =>
  async (request) => {
    const linksMax = request.linksMax || linksMaxDefault;
    const { verified, headLink, broken, ...found } = await verify(chain, {
      after: positionFrom(request.after),
      linksMax,
    });
    return {
      ...found,
      verified: verified.link === 0 ? {} : { link: BigInt(verified.link), hash: verified.hash },
      headLink: BigInt(headLink),
      unsealed: BigInt(found.unsealed),
      ...(broken && { broken: brokenMessage(broken) }),
    };
  };

function positionFrom(position: LedgerPositionMessage | undefined): ChainPosition | undefined {
  if (!position || position.link === 0n) return undefined;
  if (position.hash === "") {
    throw errorFromRefusal(refuseFields([{ field: "after.hash", description: "value is required with a link" }]));
  }
  return { link: Number(position.link), hash: position.hash };
}

const kinds: Record<BreakKind, LedgerBreak> = {
  missing: LedgerBreak.MISSING,
  altered: LedgerBreak.ALTERED,
  reordered: LedgerBreak.REORDERED,
  inserted: LedgerBreak.INSERTED,
  unbalanced: LedgerBreak.UNBALANCED,
};

function brokenMessage({ link, kind, description, key }: BrokenLink): MessageInitShape<typeof BrokenLinkSchema> {
  return {
    link: BigInt(link),
    kind: kinds[kind],
    description,
    ...(key && { eventId: key.eventId, paymentId: key.paymentId, transactionKind: key.kind, reference: key.reference }),
  };
}
