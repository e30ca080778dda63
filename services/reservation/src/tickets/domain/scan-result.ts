// What became of one scan that a gate made while it was offline, once it was handed in.

import type { Rejection } from "./admission.ts";
import type { ScanStanding } from "./epoch.ts";
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

/** What is told of a scan that was recorded: null where the scanner's clock is not known to have been wrong or right. */
type Recorded = Admission & { clockWrong: boolean | null };

/**
 * Returns whether a scanner's clock was wrong at a scan. One that was recorded says so ever after, whatever time it is handed in
 * with; `clockWrong` says what is known of any other.
 */
export function wasClockWrong(
  scan: ScanKey,
  { admissions, clockWrong }: { admissions: readonly Recorded[] } & Pick<ScanStanding, "clockWrong">,
): boolean {
  return admissions.find((each) => isSameScan(each, scan))?.clockWrong ?? clockWrong;
}

/**
 * Returns what became of a scan, given all admissions of its ticket after good scans were recorded. `flaw` says why its
 * code was not good, if it was not. What was recorded once stays so, however the ticket has moved on.
 */
export function scanResultOf(
  scan: ScanKey,
  { admissions, flaw }: { admissions: readonly Admission[] } & Pick<ScanStanding, "flaw">,
): ScanResult {
  const first = firstOf(admissions);
  if (first && admissions.some((each) => isSameScan(each, scan))) {
    return isSameScan(first, scan) ? { kind: "first" } : { kind: "double", first };
  }
  return flaw ? { kind: "rejected", rejection: { reason: flaw } } : { kind: "nonceReused" };
}
