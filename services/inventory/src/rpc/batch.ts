// What all batch methods share: bounds, validation item by item, and what becomes of an item that failed.

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { RefusalReason, type Refusal } from "#stubs";
import { QueueFullError, type Batcher, type Caller } from "#shared/batcher";
import type { Logger } from "#shared/logger";
import { createRefusal } from "#shared/refusal";
import { isContentError } from "#shared/sql";
import { errorFromRefusal } from "#shared/status";
import { invalidArgument, refuseFields } from "#shared/validate";
import { BrokenInvariantError } from "../domain/broken-invariant.ts";
import type { CountOutcome } from "./outcome-metrics.ts";
import { refused, type OutcomeMessage } from "./outcomes.ts";

/** Most items in a call. */
export const itemsMax = 500;

/** A batch method's parts. */
export type BatchMethod<Item extends DescMessage, Command, Outcome> = {
  /** The method's name in logs. */
  name: string;
  /** The request's field that has the items. */
  field: string;
  schema: Item;
  /** Returns the command of a valid item, or why there is none. */
  parse: (item: MessageShape<Item>) => Command | Refusal;
  batcher: Batcher<Command, Outcome>;
  /** Returns the message of an outcome. */
  translate: (outcome: Outcome) => OutcomeMessage;
  count: CountOutcome;
  log: Logger;
};

/** True for failures that lie in one item, or in the rows that it touches: its neighbours in the batch can go on alone. */
export function isItemFault(error: unknown): boolean {
  return isContentError(error) || error instanceof BrokenInvariantError;
}

/**
 * Runs the items of one call and returns their outcomes in order. Throws an INVALID_ARGUMENT error for too many items,
 * and what the batcher threw where an item's outcome is not known.
 */
export async function runItems<Item extends DescMessage, Command, Outcome>(
  items: readonly MessageShape<Item>[],
  caller: Caller,
  method: BatchMethod<Item, Command, Outcome>,
): Promise<OutcomeMessage[]> {
  checkItems(items, method.field);
  const settled = await Promise.allSettled(items.map((item) => runItem(item, caller, method)));
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    method.count(method.name, result.value);
    return result.value;
  });
}

/** Throws an INVALID_ARGUMENT error where a call has too many items. */
export function checkItems(items: readonly unknown[], field: string): void {
  if (items.length <= itemsMax) return;
  throw errorFromRefusal(refuseFields([{ field, description: `must have at most ${itemsMax} items` }]));
}

async function runItem<Item extends DescMessage, Command, Outcome>(
  item: MessageShape<Item>,
  caller: Caller,
  { name, schema, parse, batcher, translate, log }: BatchMethod<Item, Command, Outcome>,
): Promise<OutcomeMessage> {
  const invalid = invalidArgument(schema, item);
  if (invalid) return refused(invalid);
  const command = parse(item);
  if (isRefusal(command)) return refused(command);
  try {
    return translate(await batcher.submit(command, caller));
  } catch (error) {
    if (error instanceof QueueFullError) {
      const facts = { retryAfterMs: 1_000 };
      return refused(createRefusal(RefusalReason.OVERLOADED, "too much work is waiting", facts));
    }
    if (!isItemFault(error)) throw error;
    log.error({ event: "item.failed", method: name, error });
    return refused(createRefusal(RefusalReason.INTERNAL, "this item could not be processed"));
  }
}

function isRefusal(value: unknown): value is Refusal {
  return (value as { $typeName?: string }).$typeName === "boxoffice.common.v1.Refusal";
}
