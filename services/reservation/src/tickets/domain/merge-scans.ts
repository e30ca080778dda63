// One truth out of the admissions of gates that could not ask each other: of a ticket's admissions the first by time counts,
// by scanner where two are of one time; every other is a double admission. It does not matter who hands in what when.

/** A scan's key: the scanner and its own key for the scan. */
export type ScanKey = { deviceId: string; nonce: string };

/** That somebody was let in. */
export type Admission = ScanKey & { gate: string; admittedAt: Date };

/** The admissions of one ticket, sorted out. */
export type Merged = {
  first: Admission;
  /** Double admissions, in the same order. */
  others: Admission[];
};

/** Returns the admissions of one ticket sorted out; undefined where there are none. */
export function mergeAdmissions(admissions: readonly Admission[]): Merged | undefined {
  const [first, ...others] = admissions.toSorted(byTimeThenDevice);
  return first && { first, others };
}

/** Returns the admission that counts; undefined where there is none. */
export function firstOf(admissions: readonly Admission[]): Admission | undefined {
  return mergeAdmissions(admissions)?.first;
}

/** True for two records of one scan. */
export function isSameScan(a: ScanKey, b: ScanKey): boolean {
  return a.deviceId === b.deviceId && a.nonce === b.nonce;
}

function byTimeThenDevice(a: Admission, b: Admission): number {
  return (
    a.admittedAt.getTime() - b.admittedAt.getTime() || compare(a.deviceId, b.deviceId) || compare(a.nonce, b.nonce)
  );
}

// By code unit, the same on every machine, whatever its language.
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
