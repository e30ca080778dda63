// Decides a batch of hold commands in the order in which they came, each as if it had come alone: one batch or several
// make no difference.

import { areaKey, type Area, type AreaRef } from "./area.ts";
import { nameFromSeat, type SeatName } from "./chart.ts";
import { asItStands, customerKey, holdKey, type Hold } from "./hold.ts";
import { fitSelection, type BadField, type FittedSelection, type Selection } from "./selection.ts";
import { allocate, type Allocation, type WorkingStock } from "./stock.ts";

/** A command to hold seats. */
export type HoldCommand = {
  eventId: string;
  holdId: string;
  customerId: string;
  areaId: string;
  selection: Selection;
  /** The selection in canonical words. */
  words: string;
  /** The customer's own hold, in whose place this one is asked for. */
  replacesHoldId?: string | undefined;
};

/** What became of a command: the hold (made now or known before) as it stands, or why there is none. */
export type HoldSeatsOutcome =
  | { kind: "hold"; hold: Hold }
  | { kind: "keyReused" }
  | { kind: "notFound" }
  | { kind: "saleNotOpen"; saleStartTime: Date }
  | { kind: "saleClosed" }
  | BadField
  | { kind: "customerLimit"; limit: number; owned: number }
  | { kind: "soldOut"; free: number }
  | { kind: "noRun"; longestRun: number; free: number }
  | { kind: "seatsTaken"; seats: SeatName[] };

/** What a batch is decided on; `stocks` and `owned` change while it is. */
export type HoldsContext = {
  now: Date;
  /** The areas of the batch that exist, by area key. */
  areas: ReadonlyMap<string, Area>;
  /** Their stock, by area key. */
  stocks: ReadonlyMap<string, WorkingStock>;
  /** Holds of the commands, and those that they replace, which exist already, by hold key. */
  known: ReadonlyMap<string, Hold>;
  /** Seats that customers of limited events own, by customer key. */
  owned: Map<string, number>;
};

/** What was decided. */
export type HoldsDecision = {
  /** One for each command. */
  outcomes: HoldSeatsOutcome[];
  /** The new holds. */
  made: Hold[];
  /** Areas that had too little for somebody although some of their seats are held: lapsed holds may help. */
  short: AreaRef[];
};

/** Decides a batch. */
export function decideHolds(commands: readonly HoldCommand[], context: HoldsContext): HoldsDecision {
  const made = new Map<string, Hold>();
  const short = new Map<string, AreaRef>();
  const outcomes = commands.map((command) => {
    const key = holdKey(command);
    const known = context.known.get(key) ?? made.get(key);
    if (known) return repeatOf(known, command, context.now);
    const outcome = decideNew(command, context);
    if (outcome.kind === "hold") made.set(key, outcome.hold);
    if (isShortage(outcome) && context.stocks.get(areaKey(command))!.held > 0) short.set(areaKey(command), command);
    return outcome;
  });
  return { outcomes, made: [...made.values()], short: [...short.values()] };
}

function repeatOf(known: Hold, command: HoldCommand, now: Date): HoldSeatsOutcome {
  const same =
    known.customerId === command.customerId && known.areaId === command.areaId && known.selection === command.words;
  return same ? { kind: "hold", hold: asItStands(known, now) } : { kind: "keyReused" };
}

function decideNew(command: HoldCommand, context: HoldsContext): HoldSeatsOutcome {
  const { areas, stocks, owned, now } = context;
  const area = areas.get(areaKey(command));
  const stock = stocks.get(areaKey(command));
  if (!area?.terms.published || !stock) return { kind: "notFound" };
  const { terms, chart } = area;
  if (now < terms.saleStartTime) return { kind: "saleNotOpen", saleStartTime: terms.saleStartTime };
  if (now >= terms.saleEndTime && !isLatePayer(command, area, context)) return { kind: "saleClosed" };

  const selection = fitSelection(chart, command.selection);
  if (selection.kind === "invalid") return selection;

  const customer = customerKey(command);
  const ownedBefore = terms.customerLimit > 0 ? (owned.get(customer) ?? 0) : 0;
  if (terms.customerLimit > 0 && ownedBefore + selection.quantity > terms.customerLimit) {
    return { kind: "customerLimit", limit: terms.customerLimit, owned: ownedBefore };
  }

  const allocation = allocate(stock, selection);
  if (allocation.kind !== "allocated") return refusalOf(allocation, area);
  if (terms.customerLimit > 0) owned.set(customer, ownedBefore + selection.quantity);
  return { kind: "hold", hold: newHold({ command, area, selection, seats: allocation.seats, now }) };
}

// Who held these very seats while the sale ran, and began to pay, does not lose them to the sale's end because the payment
// came after the hold's. Nothing of that is the caller's word: the lapsed hold says it.
function isLatePayer(command: HoldCommand, { terms, chart }: Area, { known, now }: HoldsContext): boolean {
  const { eventId, replacesHoldId: holdId } = command;
  const lapsed = holdId === undefined ? undefined : known.get(holdKey({ eventId, holdId }));
  return (
    lapsed !== undefined &&
    lapsed.customerId === command.customerId &&
    lapsed.areaId === command.areaId &&
    lapsed.createdAt < terms.saleEndTime &&
    asItStands(lapsed, now).state === "expired" &&
    asksForThoseOf(lapsed, fitSelection(chart, command.selection))
  );
}

function asksForThoseOf({ quantity, seats }: Hold, selection: ReturnType<typeof fitSelection>): boolean {
  switch (selection.kind) {
    case "named":
      return selection.quantity === quantity && selection.seats.every((seat) => seats.includes(seat));
    case "count":
      return selection.quantity === quantity;
    case "best":
    case "invalid":
      return false;
  }
}

function refusalOf(allocation: Exclude<Allocation, { kind: "allocated" }>, { chart }: Area): HoldSeatsOutcome {
  if (allocation.kind !== "taken") return allocation;
  return {
    kind: "seatsTaken",
    seats: chart.kind === "seated" ? allocation.seats.map((seat) => nameFromSeat(chart, seat)) : [],
  };
}

function newHold(options: {
  command: HoldCommand;
  area: Area;
  selection: FittedSelection;
  seats: number[];
  now: Date;
}): Hold {
  const { command, area, selection, seats, now } = options;
  return {
    eventId: command.eventId,
    holdId: command.holdId,
    areaId: command.areaId,
    customerId: command.customerId,
    quantity: selection.quantity,
    seats,
    selection: command.words,
    state: "held",
    createdAt: now,
    expiresAt: new Date(now.getTime() + area.terms.holdTtlMs),
  };
}

function isShortage({ kind }: HoldSeatsOutcome): boolean {
  return kind === "soldOut" || kind === "noRun" || kind === "seatsTaken";
}
