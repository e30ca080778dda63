// The door: what a gate's scans come to. A code is judged by itself first, then by the database.

import type { Sql } from "#shared/sql";
import { readCode, type Rejection } from "./domain/admission.ts";
import { mergeAdmissions, type Merged, type ScanKey } from "./domain/merge-scans.ts";
import { scanResultOf, wasClockWrong, type ScanResult } from "./domain/scan-result.ts";
import type { Keyring } from "./keyring.ts";
import { admitTicket, verifyTicket, type AdmitOutcome, type VerifyOutcome } from "./store/admissions.ts";
import { doublesMax } from "./store/read-admissions.ts";
import { recordScans, type GenuineScan } from "./store/record-scans.ts";

/** A code at the door of an event. */
export type DoorCode = { eventId: string; code: string };

/** A scan that a gate made while it was offline. */
export type OfflineScan = { code: string; nonce: string; gate: string; scannedAt: Date };

/** What came of one of them. */
export type ScanOutcome = {
  nonce: string;
  ticketId: string | undefined;
  result: ScanResult;
  /** Its time can't be true. */
  clockWrong: boolean;
};

/** What came of scans that were handed in. */
export type Submission = {
  /** One for each scan, in order; without a ticket where the code is not genuine. */
  results: ScanOutcome[];
  /** The tickets among them that let in more than one, each with up to `doublesMax` others, and how many more there are. */
  doubles: (Merged & { ticketId: string; othersLeftOut: number })[];
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
      if (read.kind === "rejected") return read;
      const { ticketId, epoch } = read.payload;
      return await verifyTicket(sql, { eventId, ticketId }, { epoch, isKeyRetired: read.key.isRetired });
    },
    async admit({ eventId, code }, scan) {
      const read = readCode(code, { eventId, keyOf: await keyring.verifiers() });
      if (read.kind === "rejected") return read;
      const { ticketId, epoch } = read.payload;
      return await admitTicket(sql, { eventId, ticketId }, { epoch, isKeyRetired: read.key.isRetired }, scan);
    },
    async submit(gate, scans) {
      const keyOf = await keyring.verifiers();
      const rejections = new Map<OfflineScan, Rejection>();
      const genuine: GenuineScan[] = [];
      for (const scan of scans) {
        const read = readCode(scan.code, { eventId: gate.eventId, keyOf });
        if (read.kind === "rejected") {
          rejections.set(scan, read.rejection);
          continue;
        }
        const { ticketId, epoch } = read.payload;
        genuine.push({ ...scan, ticketId, epoch, keyRetiredAt: read.key.retiredAt });
      }
      const { standings, admissions } = await recordScans(sql, gate, genuine);
      const outcomes = genuine.map(({ ticketId, nonce }, index): ScanOutcome => {
        const { flaw, clockWrong } = standings[index]!;
        const { told } = admissions.get(ticketId)!;
        const scan = { deviceId: gate.deviceId, nonce };
        return {
          nonce,
          ticketId,
          result: scanResultOf(scan, { admissions: told, flaw }),
          clockWrong: wasClockWrong(scan, { admissions: told, clockWrong }),
        };
      });
      const inOrder = outcomes.values();
      const results = scans.map((scan): ScanOutcome => {
        const rejection = rejections.get(scan);
        if (!rejection) return inOrder.next().value!;
        return { nonce: scan.nonce, ticketId: undefined, result: { kind: "rejected", rejection }, clockWrong: false };
      });
      const doubles = [...admissions].flatMap(([ticketId, { told, count }]) => {
        const merged = mergeAdmissions(told);
        if (!merged || merged.others.length === 0) return [];
        const others = merged.others.slice(0, doublesMax);
        return [{ ticketId, first: merged.first, others, othersLeftOut: count - 1 - others.length }];
      });
      return { results, doubles };
    },
  };
}
