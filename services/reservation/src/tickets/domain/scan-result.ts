// What became of one scan that a gate made while it was offline, once it was handed in.

import type { Rejection } from "./admission.ts";
import { firstOf, isSameScan, type Admission, type ScanKey } from "./merge-scans.ts";

/** What became of a scan. */
export type ScanResult =
  /** It is the ticket's one admission. */
  | { kind: "first" }
  /** Somebody was let in with the ticket before. */
  | { kind: "double"; first: Admission }
  /** The code was not good: nobody should have been let in, and it counts as no admission. */
  | { kind: "rejected"; rejection: Rejection }
  /** The scanner used this nonce for another ticket. */
  | { kind: "nonceReused" };

/** What is told of a scan that was recorded: when it counts as made. */
type Recorded = Admission & { offline: boolean };

/**
 * Returns whether a scanner's clock was wrong at a scan. One that was recorded before says so the same way ever after: by its
 * time, which is not the scanner's. `clockWrong` says what is known of one that was not, or was let in online.
 */
export function wasClockWrong(
  { scannedAt, ...scan }: ScanKey & { scannedAt: Date },
  { admissions, clockWrong }: { admissions: readonly Recorded[]; clockWrong: boolean },
): boolean {
  const recorded = admissions.find((each) => isSameScan(each, scan));
  return recorded?.offline ? recorded.admittedAt.getTime() !== scannedAt.getTime() : clockWrong;
}

/**
 * Returns what became of a scan, given all admissions of its ticket after good scans were recorded. `wasGood` says whether
 * this one was. What was recorded once stays so, however the ticket has moved on.
 */
export function scanResultOf(
  scan: ScanKey,
  { admissions, wasGood }: { admissions: readonly Admission[]; wasGood: boolean },
): ScanResult {
  const first = firstOf(admissions);
  if (first && admissions.some((each) => isSameScan(each, scan))) {
    return isSameScan(first, scan) ? { kind: "first" } : { kind: "double", first };
  }
  return wasGood ? { kind: "nonceReused" } : { kind: "rejected", rejection: { reason: "revoked" } };
}
