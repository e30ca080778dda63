// What happened to a payment's disputes, in words. Kept of each are when it was heard of first and when it changed last, and in
// the ledger every time that money moved. So an inquiry before a chargeback under the same id, and a loss before an appeal that was won,
// are not told of.

import { StoryKind } from "#gen/boxoffice/common/v1/story";
import { amountText, type Told } from "#shared/story";
import { DisputeStatus } from "./dispute.ts";
import {
  storyIds,
  type DisputeMove,
  type DisputeRecord,
  type OrderRecord,
  type PaymentRecord,
} from "./payment-record.ts";

/** Returns what a payment's disputes did, oldest first. */
export function disputeEntries(payment: PaymentRecord, { provider }: OrderRecord): Told[] {
  const ids = storyIds(payment);
  const entries = payment.disputes.flatMap((dispute, index) => {
    const { openedAt, moves } = dispute;
    const name = nameOf(payment, index);
    const told = (kind: StoryKind, at: Date, text: string): Told => ({ kind, at, text, ids });
    const moved = moves.map((move) => told(kindOf(move), move.postedAt, moveText(dispute, { move, name })));
    const opened = told(StoryKind.PAYMENT_DISPUTED, openedAt, openedText(dispute, { provider, name }));
    const end = endText(dispute, name);
    if (end === undefined) return [opened, ...moved];
    return inTimeOrder([
      opened,
      ...moved.filter(({ kind }) => kind === StoryKind.PAYMENT_CHARGED_BACK),
      told(StoryKind.PAYMENT_DISPUTE_DECIDED, decidedAt(dispute), end),
      ...moved.filter(({ kind }) => kind === StoryKind.PAYMENT_CHARGEBACK_RETURNED),
    ]);
  });
  return inTimeOrder(entries);
}

/** Returns what happens next with those that are open. */
export function disputeNext(payment: PaymentRecord): string[] {
  return payment.disputes.flatMap(({ status }, index) => {
    if (status !== DisputeStatus.open) return [];
    const name = nameOf(payment, index);
    return [
      `${capitalised(name)} is open: a person answers it at ${payment.order?.provider}, which says when the bank has decided.`,
    ];
  });
}

/** Returns entries by their times, those with the same time as they come. All have a time. */
export function inTimeOrder(entries: readonly Told[]): Told[] {
  return entries.toSorted((a, b) => a.at!.getTime() - b.at!.getTime());
}

function nameOf({ disputes }: PaymentRecord, index: number): string {
  return disputes.length > 1 ? `dispute ${index + 1}` : "the dispute";
}

function openedText(dispute: DisputeRecord, { provider, name }: { provider: string; name: string }): string {
  const { status, amountMinor, reason, moves } = dispute;
  const amount = amountOf(dispute, moves[0]?.amountMinor ?? amountMinor);
  const told = `${provider} told of ${name === "the dispute" ? "a dispute" : name}`;
  return status === DisputeStatus.inquiry
    ? `${told}, an inquiry: the customer's bank asks about ${amount} (${reason}), and no money moves.`
    : `${told}: the customer's bank wants ${amount} back (${reason}).`;
}

function kindOf({ kind }: DisputeMove): StoryKind {
  return kind === "chargeback" ? StoryKind.PAYMENT_CHARGED_BACK : StoryKind.PAYMENT_CHARGEBACK_RETURNED;
}

function moveText(dispute: DisputeRecord, { move, name }: { move: DisputeMove; name: string }): string {
  const amount = amountOf(dispute, move.amountMinor);
  if (move.kind === "chargeback_reversal") return `${amount} of ${name} came back, and it was posted to the ledger.`;
  const more = move === dispute.moves[0] ? "" : " more";
  return `For ${name} ${amount}${more} was withdrawn, and it was posted to the ledger.`;
}

function endText({ status }: DisputeRecord, name: string): string | undefined {
  if (status === DisputeStatus.won) return `${capitalised(name)} was won: the money is ours.`;
  return status === DisputeStatus.lost ? `${capitalised(name)} was lost: the money is the customer's.` : undefined;
}

// Heard of only when it was decided, it was written before the money that had left meanwhile.
function decidedAt({ updatedAt, moves }: DisputeRecord): Date {
  const left = moves.findLast(({ kind }) => kind === "chargeback")?.postedAt;
  return left && left > updatedAt ? left : updatedAt;
}

function amountOf({ currencyCode }: DisputeRecord, amountMinor: number): string {
  return amountText({ amountMinor, currency: currencyCode });
}

function capitalised(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
