// The door: what a gate's scans come to. A code is judged by itself first, then by the database.

import type { Sql } from "#shared/sql";
import { readCode, type Rejection } from "./domain/admission.ts";
import { mergeAdmissions, type Merged, type ScanKey } from "./domain/merge-scans.ts";
import { scanResultOf, type ScanResult } from "./domain/scan-result.ts";
import type { Keyring } from "./keyring.ts";
import {
  admitTicket,
  recordScans,
  verifyTicket,
  type AdmitOutcome,
  type GenuineScan,
  type VerifyOutcome,
} from "./store/admissions.ts";

/** A code at the door of an event. */
export type DoorCode = { eventId: string; code: string };

/** A scan that a gate made while it was offline. */
export type OfflineScan = { code: string; nonce: string; gate: string; scannedAt: Date };

/** What came of scans that were handed in. */
export type Submission = {
  /** One for each scan, in order; without a ticket where the code is not genuine. */
  results: { nonce: string; ticketId: string | undefined; result: ScanResult }[];
  /** The tickets among them that let in more than one. */
  doubles: (Merged & { ticketId: string })[];
};

/** What gates ask for. Throws on failed I/O. */
export type Door = {
  /** Says whether a code would be let in now; changes nothing. */
  verify(code: DoorCode): Promise<VerifyOutcome>;
  /** Lets the holder in, once. */
  admit(code: DoorCode, scan: ScanKey & { gate: string }): Promise<AdmitOutcome>;
  /** Takes in one scanner's offline scans. */
  submit(gate: { eventId: string; deviceId: string }, scans: readonly OfflineScan[]): Promise<Submission>;
};

/** Returns the door. */
export function createDoor({ sql, keyring }: { sql: Sql; keyring: Keyring }): Door {
  return {
    async verify({ eventId, code }) {
      const read = readCode(code, { eventId, keyOf: await keyring.verifiers() });
      return read.kind === "rejected" ? read : await verifyTicket(sql, read.payload, read.payload);
    },
    async admit({ eventId, code }, scan) {
      const read = readCode(code, { eventId, keyOf: await keyring.verifiers() });
      if (read.kind === "rejected") return read;
      const { ticketId, epoch } = read.payload;
      return await admitTicket(sql, { eventId, ticketId }, { ...scan, epoch });
    },
    async submit(gate, scans) {
      const keyOf = await keyring.verifiers();
      const rejections = new Map<OfflineScan, Rejection>();
      const genuine = new Map<OfflineScan, GenuineScan>();
      for (const scan of scans) {
        const read = readCode(scan.code, { eventId: gate.eventId, keyOf });
        if (read.kind === "rejected") rejections.set(scan, read.rejection);
        else genuine.set(scan, { ...scan, ticketId: read.payload.ticketId, epoch: read.payload.epoch });
      }
      const { wasGood, admissions } = await recordScans(sql, gate, [...genuine.values()]);
      const goodScans = new Set([...genuine.keys()].filter((_, index) => wasGood[index]));
      const results = scans.map((scan) => {
        const { nonce } = scan;
        const rejection = rejections.get(scan);
        if (rejection) return { nonce, ticketId: undefined, result: { kind: "rejected" as const, rejection } };
        const { ticketId } = genuine.get(scan)!;
        const result = scanResultOf(
          { deviceId: gate.deviceId, nonce },
          { admissions: admissions.get(ticketId)!, wasGood: goodScans.has(scan) },
        );
        return { nonce, ticketId, result };
      });
      const doubles = [...admissions].flatMap(([ticketId, each]) => {
        const merged = mergeAdmissions(each);
        return merged && merged.others.length > 0 ? [{ ticketId, ...merged }] : [];
      });
      return { results, doubles };
    },
  };
}
