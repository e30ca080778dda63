// ConfirmHolds, ReleaseHolds and ExtendHolds.

import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Batcher } from "#shared/batcher";
import type { Handler } from "#shared/grpc-server";
import type { Logger } from "#shared/logger";
import { refuseFields } from "#shared/validate";
import {
  ExtendCommandSchema,
  HoldKeySchema,
  ReleaseCommandSchema,
  type HoldKey,
  type InventoryService,
} from "#gen/boxoffice/inventory/v1/inventory";
import type { HoldDecision, HoldRef } from "../domain/hold.ts";
import type { Remainder } from "../domain/remainder.ts";
import { runItems } from "./batch.ts";
import type { CountOutcome } from "./outcome-metrics.ts";
import { decisionMessage, type Answer } from "./outcomes.ts";

/** Commands about holds that exist. */
export type ConfirmCommand = HoldRef;
export type ReleaseCommand = HoldRef & {
  confirmedToo: boolean;
  keepBlocked: boolean;
  /** What a confirmed hold goes on owning. */
  remainder: Remainder | undefined;
};
export type ExtendCommand = HoldRef & { extendByMs: number };

/** Runs such commands in batches. */
export type ChangeBatcher<Command> = Batcher<Command, Answer<HoldDecision>>;

type Parts<Command> = { batcher: ChangeBatcher<Command>; count: CountOutcome; log: Logger };
type Methods = typeof InventoryService.method;

/** Returns the handler of ConfirmHolds. */
export function confirmHoldsHandler(parts: Parts<ConfirmCommand>): Handler<Methods["confirmHolds"]> {
  return async ({ keys }, call) => ({
    outcomes: await runItems(keys, call, {
      ...parts,
      name: "ConfirmHolds",
      field: "keys",
      schema: HoldKeySchema,
      parse: refFromKey,
      translate: decisionMessage,
    }),
  });
}

/** Returns the handler of ReleaseHolds. */
export function releaseHoldsHandler(parts: Parts<ReleaseCommand>): Handler<Methods["releaseHolds"]> {
  return async ({ commands }, call) => ({
    outcomes: await runItems(commands, call, {
      ...parts,
      name: "ReleaseHolds",
      field: "commands",
      schema: ReleaseCommandSchema,
      parse: ({ key, confirmedToo, keepBlocked, remainder }) => ({
        ...refFromKey(key!),
        ...{ confirmedToo, keepBlocked, remainder },
      }),
      translate: decisionMessage,
    }),
  });
}

/** Returns the handler of ExtendHolds. */
export function extendHoldsHandler(parts: Parts<ExtendCommand>): Handler<Methods["extendHolds"]> {
  return async ({ commands }, call) => ({
    outcomes: await runItems(commands, call, {
      ...parts,
      name: "ExtendHolds",
      field: "commands",
      schema: ExtendCommandSchema,
      parse: ({ key, extendBy }) =>
        extendBy
          ? { ...refFromKey(key!), extendByMs: durationMs(extendBy) }
          : refuseFields([{ field: "extend_by", description: "value is required" }]),
      translate: decisionMessage,
    }),
  });
}

/** Returns the hold that a valid key names. */
export function refFromKey({ eventId, holdId }: HoldKey): HoldRef {
  return { eventId: eventId.toLowerCase(), holdId: holdId.toLowerCase() };
}
