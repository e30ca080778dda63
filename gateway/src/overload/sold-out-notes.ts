// What the gateway remembers, for a moment, of areas that are sold out, so that the rush after the last seat costs no database.
//
// A note is taken from an answer of reservation only, and its age counts from when the question was sent: seats that came
// back since then may be missed for as long as a note lasts, never longer. It says nothing to whoever may hold seats already:
// a request that is repeated has to hear what became of its first attempt, which no memory of one gateway can know. So only
// those are answered from it that promise to be a first attempt.

import { RefusalReason, type Refusal } from "#stubs";
import type { CreateCommand, ReservationOutcome } from "#gen/boxoffice/reservation/v1/reservation";

/** What is asked for: the area, and how many seats of it. */
export type Wish = Pick<CreateCommand, "eventId" | "areaId" | "selection">;

/** Remembers refusals. */
export type SoldOutNotes = {
  /** Takes note of an answer to a question that was sent at `sentAtMs`, where it says that an area is sold out. */
  learn(wish: Wish, outcome: ReservationOutcome["outcome"], sentAtMs: number): void;
  /** Returns the refusal that this wish would most likely get at `nowMs`, or undefined. Both times by one monotonic clock. */
  refusalOf(wish: Wish, nowMs: number): Refusal | undefined;
  /** Wishes that were refused from memory. */
  readonly answered: number;
};

type Note = {
  quantity: number;
  refusal: Refusal;
  endsAtMs: number;
  /** Somebody was sent to ask again. */
  isAskedAgain: boolean;
};

/** Most notes at once. */
export const notesMax = 4_096;

/** Returns notes that last `lastsMs`; 0 keeps none. Past `notesMax` the oldest is forgotten. */
export function createSoldOutNotes(lastsMs: number): SoldOutNotes {
  const notes = new Map<string, Note>();
  let answered = 0;
  return {
    learn(wish, outcome, sentAtMs) {
      if (outcome.case !== "refusal" || outcome.value.reason !== RefusalReason.SOLD_OUT || lastsMs === 0) return;
      const quantity = quantityOf(wish);
      if (quantity === undefined) return;
      const key = keyOf(wish);
      const known = notes.get(key);
      // The note of fewer seats says more, as long as it lasts.
      if (known && known.quantity < quantity && known.endsAtMs > sentAtMs) return;
      const endsAtMs = sentAtMs + lastsMs;
      if (known && known.quantity === quantity && known.endsAtMs >= endsAtMs) return;
      notes.delete(key);
      if (notes.size >= notesMax) notes.delete(notes.keys().next().value!);
      notes.set(key, { quantity, refusal: outcome.value, endsAtMs, isAskedAgain: false });
    },
    refusalOf(wish, nowMs) {
      if (notes.size === 0) return undefined;
      const quantity = quantityOf(wish);
      if (quantity === undefined) return undefined;
      const key = keyOf(wish);
      const note = notes.get(key);
      if (!note) return undefined;
      if (note.endsAtMs <= nowMs) {
        notes.delete(key);
        return undefined;
      }
      if (quantity < note.quantity) return undefined;
      // One who wants the same goes and asks before the note ends, so that the next note is there by then.
      if (!note.isAskedAgain && quantity === note.quantity && note.endsAtMs - nowMs < lastsMs / 2) {
        note.isAskedAgain = true;
        return undefined;
      }
      answered += 1;
      return note.refusal;
    },
    get answered() {
      return answered;
    },
  };
}

// Named seats are never sold out: they are taken, and others may be free.
function quantityOf({ selection }: Wish): number | undefined {
  return selection.case === "bestAvailable" || selection.case === "generalAdmission"
    ? selection.value.quantity
    : undefined;
}

function keyOf({ eventId, areaId, selection }: Wish): string {
  return `${eventId}/${areaId}/${selection.case}`;
}
