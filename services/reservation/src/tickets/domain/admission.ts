// Whether a code is let in. First what the code alone tells, as a gate can tell it offline; then what the database knows of
// the ticket.

import { firstOf, isSameScan, type Admission, type ScanKey } from "./merge-scans.ts";
import { isSignedBy, parseCode, type TicketPayload } from "./payload.ts";
import type { VerifyingKey } from "./signing-key.ts";
import type { Ticket } from "./ticket.ts";

/** That a code is not let in: the closed list. */
export type Rejection =
  | { reason: "unknownKey" | "badSignature" | "wrongEvent" | "revoked" }
  | { reason: "alreadyAdmitted"; first: Admission };

/** What a code alone tells. A genuine one may be of a key that was retired since: what it was good for before stays so. */
export type CodeOutcome =
  { kind: "genuine"; payload: TicketPayload; key: VerifyingKey } | { kind: "rejected"; rejection: Rejection };

/** What a scan comes to. */
export type AdmissionDecision =
  | { kind: "admit" }
  /** This very scan was let in before. */
  | { kind: "repeat"; admission: Admission }
  | { kind: "rejected"; rejection: Rejection };

/**
 * Returns what a code says where it was signed for this event by a key of ours. `keyOf` returns undefined for the id of a key
 * that is unknown. What is malformed counts as badly signed.
 */
export function readCode(
  code: string,
  { eventId, keyOf }: { eventId: string; keyOf: (keyId: string) => VerifyingKey | undefined },
): CodeOutcome {
  const signed = parseCode(code);
  if (!signed) return rejected("badSignature");
  const key = keyOf(signed.payload.keyId);
  if (!key) return rejected("unknownKey");
  if (!isSignedBy(signed, key.publicKey)) return rejected("badSignature");
  if (signed.payload.eventId !== eventId) return rejected(key.isRetired ? "unknownKey" : "wrongEvent");
  return { kind: "genuine", payload: signed.payload, key };
}

/**
 * Returns what becomes of a scan of a genuine code now. `isKeyRetired` says whether its key is by now; `ticket` is its row, undefined where there is none; `admissions` are
 * all that were made with it.
 */
export function decideAdmission(
  { ticket, admissions }: { ticket: Ticket | undefined; admissions: readonly Admission[] },
  { epoch, isKeyRetired, scan }: { epoch: number; isKeyRetired: boolean; scan: ScanKey },
): AdmissionDecision {
  const admission = admissions.find((each) => isSameScan(each, scan));
  if (admission) return { kind: "repeat", admission };
  if (isKeyRetired) return rejected("unknownKey");
  if (!ticket || !isCurrent(ticket, epoch)) return rejected("revoked");
  const first = firstOf(admissions);
  return first ? { kind: "rejected", rejection: { reason: "alreadyAdmitted", first } } : { kind: "admit" };
}

function isCurrent(ticket: Pick<Ticket, "epoch" | "revokedAt">, epoch: number): boolean {
  return epoch === ticket.epoch && ticket.revokedAt === null;
}

function rejected(reason: Exclude<Rejection["reason"], "alreadyAdmitted">): { kind: "rejected"; rejection: Rejection } {
  return { kind: "rejected", rejection: { reason } };
}
