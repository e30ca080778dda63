// A running system in whose processes bugs can be planted.

import { createGrpcClient, InventoryService } from "#stubs";
import { walkLedger } from "#stack/ledger-walk";
import { organiser, untilKnown, type EdgeUser } from "../support/edge.ts";
import { createMemory, type Memory } from "../support/memory.ts";
import { startSystem, type System } from "../support/system.ts";

/** Processes that bugs are planted in. */
export type Victim = "inventory" | "reservation";

/** A change of one source file; `from` stands in it once. */
export type Edit = { file: string; from: string; to: string };

/** What a scene plays on. */
export type Stage = {
  system: System;
  staff: EdgeUser;
  /** Returns a memory for an event. */
  remember(eventId: string): Memory;
  /** Has the victim run with these edits from now on, and everybody else without any. */
  plant(victim: Victim | undefined, edits: readonly Edit[]): Promise<void>;
  /** Kills a process and starts it again. */
  crash(victim: Victim): Promise<void>;
  /** Confirms a hold behind reservation's back, as a message would that comes late. Returns nothing: it may be refused. */
  confirmLate(key: { eventId: string; holdId: string }): Promise<void>;
  /** Names of the checks of CheckInvariants that find violations in an event. */
  violations(eventId: string): Promise<string[]>;
  /** Walks the ledger's chain: the first broken link, where there is one, and how many transactions wait to be sealed. */
  walkLedger(): Promise<{ broken: string[]; unsealed: bigint }>;
  stop(): Promise<void>;
};

const nodeOptions = ["--import=./test/planted-bugs/preload.js"];

/** Starts the system, clean. */
export async function openStage(): Promise<Stage> {
  const system = await startSystem({ nodeOptions: { inventory: nodeOptions, reservation: nodeOptions } });
  const staff = await organiser(system.gatewayUrl, system.issuerUrl);
  let planted: Victim | undefined;

  return {
    system,
    staff,
    remember: createMemory,
    async plant(victim, edits) {
      if (planted && planted !== victim) await system.restart(planted, { PLANTED_BUG: "" });
      if (victim) await system.restart(victim, { PLANTED_BUG: JSON.stringify(edits) });
      planted = victim;
      await untilKnown(() => staff.events.listEvents({}));
    },
    async crash(victim) {
      await system.kill(victim, "SIGKILL");
      await system.restart(victim);
    },
    async confirmLate(key) {
      const client = createGrpcClient(InventoryService, `127.0.0.1:${system.portsOf("inventory").grpc}`);
      try {
        await client.confirmHolds({ keys: [key] }, { timeoutMs: 10_000 });
      } finally {
        client.close();
      }
    },
    async violations(eventId) {
      const { reports } = await untilKnown(() => staff.operations.checkInvariants({ eventId }));
      return reports.filter(({ violations }) => violations > 0n).map(({ name }) => name);
    },
    async walkLedger() {
      const ask = (request: Parameters<typeof staff.operations.verifyLedger>[0]) =>
        untilKnown(() => staff.operations.verifyLedger(request));
      const walk = await walkLedger(ask, { after: undefined, onProgress: () => {} });
      return walk.kind === "whole" ? { broken: [], unsealed: walk.unsealed } : { broken: [walk.words], unsealed: 0n };
    },
    stop: () => system.stop(),
  };
}
