// When the codes of an epoch were good, and when a scan that was made offline counts as made.

import type { Ticket } from "./ticket.ts";

/** How long an epoch lasted: from when its first code could be made until the ticket moved on. */
export type Epoch = {
  /** Undefined where it is not known. */
  from: Date | undefined;
  /** Null for the present one. */
  until: Date | null;
};

/**
 * Returns how long an epoch of a ticket lasted; undefined where no code of it was ever good, or where it is not known until
 * when, as of transfers before all of them were kept. `transferredAt` says when the transfer that ended an epoch took place.
 */
export function epochOf(
  ticket: Pick<Ticket, "epoch" | "epochAt" | "issuedAt" | "revokedAt">,
  epoch: number,
  transferredAt: (epoch: number) => Date | undefined,
): Epoch | undefined {
  if (epoch < 1 || epoch > ticket.epoch) return undefined;
  const isPresent = epoch === ticket.epoch;
  // The revocation moved the epoch on: no code was made in that one.
  if (isPresent && ticket.revokedAt) return undefined;
  const until = isPresent ? null : epoch === ticket.epoch - 1 ? ticket.epochAt : transferredAt(epoch);
  if (until === undefined) return undefined;
  return { from: epoch === 1 ? ticket.issuedAt : isPresent ? ticket.epochAt : transferredAt(epoch - 1), until };
}

/** When a scan counts as made, and what it is worth. */
export type ScanStanding = {
  at: Date;
  /** The scanner's time can't be true. */
  clockWrong: boolean;
  /** Why its code was not good then; undefined where it was. */
  flaw: "unknownKey" | "revoked" | undefined;
};

/**
 * Returns what a scan of a code of `epoch` is worth by its scanner's time. A time that is still to come, or before the epoch
 * began, tells nothing: the scan counts as made `now`, so that no clock that is known to be wrong comes before one that may be right.
 * `keyRetiredAt` says from when on the codes of its key are refused, null where no such time is set.
 */
export function standingOf(
  scannedAt: Date,
  { epoch, keyRetiredAt, now }: { epoch: Epoch | undefined; keyRetiredAt: Date | null; now: Date },
): ScanStanding {
  const clockWrong = scannedAt > now || (epoch?.from !== undefined && scannedAt < epoch.from);
  const at = clockWrong ? now : scannedAt;
  if (keyRetiredAt !== null && at >= keyRetiredAt) return { at, clockWrong, flaw: "unknownKey" };
  const wasCurrent = epoch !== undefined && (epoch.until === null || at < epoch.until);
  return { at, clockWrong, flaw: wasCurrent ? undefined : "revoked" };
}
