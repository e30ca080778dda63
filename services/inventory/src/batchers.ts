// Group commit: one batcher for each kind of command, each batch one transaction.

import { createBatcher } from "#shared/batcher";
import { createBatchMetrics, type Registry } from "#shared/metrics";
import type { Sql } from "#shared/sql";
import { areaKey } from "./domain/area.ts";
import type { HoldCommand, HoldSeatsOutcome } from "./domain/decide-holds.ts";
import { confirmHold, extendHold, releaseHold, type HoldRef } from "./domain/hold.ts";
import { restOf } from "./domain/remainder.ts";
import { isItemFault } from "./rpc/batch.ts";
import type { ChangeBatcher, ConfirmCommand, ExtendCommand, ReleaseCommand } from "./rpc/change-holds.ts";
import type { HoldSeatsBatcher } from "./rpc/hold-seats.ts";
import type { Answer } from "./rpc/outcomes.ts";
import type { AreaCatalog } from "./store/area-catalog.ts";
import { changeHolds, type DecideChange } from "./store/change-holds.ts";
import { holdSeats } from "./store/hold-seats.ts";

/** Bounds of every batcher. */
export type BatchBounds = { itemsMax: number; queueMax: number; inFlightMax: number };

/** The batchers. */
export type Batchers = {
  hold: HoldSeatsBatcher;
  confirm: ChangeBatcher<ConfirmCommand>;
  release: ChangeBatcher<ReleaseCommand>;
  extend: ChangeBatcher<ExtendCommand>;
  /** Takes no more commands and waits for those that were taken. */
  close(): Promise<void>;
};

/** Returns the batchers; their transactions run on `sql`. */
export function createBatchers(options: {
  sql: Sql;
  catalog: AreaCatalog;
  bounds: BatchBounds;
  /** Milliseconds by which extensions may exceed twice an event's hold time. */
  extensionMaxMs: number;
  metrics: Registry;
}): Batchers {
  const { sql, catalog, bounds, extensionMaxMs } = options;
  const metrics = createBatchMetrics(options.metrics);

  function batcherOf<Item, Outcome>(name: string, run: (items: Item[]) => Promise<Outcome[]>) {
    return createBatcher<Item, Outcome>({ ...bounds, run, isItemFault, onBatch: metrics.onBatch(name) });
  }

  function changeBatcher<Command extends HoldRef>(
    name: string,
    change: { prolongs: boolean; decide: DecideChange<Command> },
  ): ChangeBatcher<Command> {
    const batcher = batcherOf(name, (commands: Command[]) => changeHolds(commands, { sql, catalog, ...change }));
    metrics.watchQueue(name, batcher);
    return batcher;
  }

  async function runHolds(commands: HoldCommand[]): Promise<Answer<HoldSeatsOutcome>[]> {
    const areas = await catalog.load(commands);
    const outcomes = await holdSeats(sql, commands, areas);
    return outcomes.map((outcome, index) => ({ outcome, area: areas.get(areaKey(commands[index]!)) }));
  }

  const hold: HoldSeatsBatcher = batcherOf("hold", runHolds);
  metrics.watchQueue("hold", hold);
  const confirm = changeBatcher<ConfirmCommand>("confirm", {
    prolongs: true,
    decide: (held, _, { now }) => confirmHold(held, now),
  });
  const release = changeBatcher<ReleaseCommand>("release", {
    prolongs: false,
    decide: (held, { remainder, ...command }, { now, area }) => {
      const rest = remainder && restOf(held, area.chart, remainder);
      if (remainder && !rest) return { kind: "invalid", field: "remainder", description: `is not of ${area.areaId}` };
      return releaseHold(held, now, { ...command, rest });
    },
  });
  const extend = changeBatcher<ExtendCommand>("extend", {
    prolongs: true,
    decide: (held, { extendByMs }, { now, area }) =>
      extendHold(held, now, { extendByMs, extensionMaxMs, holdTtlMs: area.terms.holdTtlMs }),
  });
  return {
    hold,
    confirm,
    release,
    extend,
    close: async () => void (await Promise.all([hold, confirm, release, extend].map((batcher) => batcher.close()))),
  };
}
