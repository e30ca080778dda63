// What clients remember of what they asked and were told, held against what the system says afterwards. It knows the public
// API only, and so sees what no check inside the system can: a promise is what was said.

import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import {
  ReservationState,
  type CreateReservationRequestSchema,
  type Reservation,
} from "#gen/boxoffice/edge/v1/reservation";
import { eventually, reasonOf, untilKnown, type EdgeUser } from "./edge.ts";

/** A request for seats. */
export type Wish = Exclude<MessageInitShape<typeof CreateReservationRequestSchema>, Message> & {
  eventId: string;
  reservationId: string;
};

/** Everybody who asks anything of one event, and what they remember. */
export type Memory = {
  /** Asks for seats. Returns `HELD`, or why not. */
  hold(buyer: EdgeUser, wish: Wish): Promise<string>;
  /** Pays. Returns the state that was answered, or why not. */
  pay(wish: Wish, attempt: Attempt): Promise<string>;
  /** Gives a hold or a paid booking back, and waits until its refund is over. Returns the state. */
  cancel(wish: Wish): Promise<string>;
  /** Asks everything again, with the same keys, and returns what is not as it was told, each with its promise's number. */
  contradictions(): Promise<string[]>;
};

/** An attempt to pay. */
export type Attempt = { token: string; key: string };

type Remembered = {
  buyer: EdgeUser;
  wish: Wish;
  /** As it was told first; undefined where it was refused. */
  held: Reservation | undefined;
  /** The latest state that was told. */
  state: ReservationState | undefined;
  attempts: (Attempt & { answer: string })[];
};

const { HELD, PAYING, CONFIRMED, EXPIRED, CANCELLED, REFUNDING, REFUNDED } = ReservationState;

// What may have become, without the customer, of a booking that was told to stand in a state.
const laterStates: Partial<Record<ReservationState, ReservationState[]>> = {
  [HELD]: [HELD, EXPIRED],
  [PAYING]: [PAYING, HELD, CONFIRMED, EXPIRED, REFUNDING, REFUNDED],
  [CONFIRMED]: [CONFIRMED],
  [EXPIRED]: [EXPIRED],
  [CANCELLED]: [CANCELLED],
  [REFUNDING]: [REFUNDING, REFUNDED],
  [REFUNDED]: [REFUNDED],
};
const owning: (ReservationState | undefined)[] = [HELD, PAYING, CONFIRMED];

/** Returns the memory of the only people who ask anything of this event. */
export function createMemory(eventId: string): Memory {
  const all: Remembered[] = [];
  const remembered = ({ reservationId }: Wish) => all.find(({ wish }) => wish.reservationId === reservationId)!;

  return {
    async hold(buyer, wish) {
      const answer = await answerOf(() => buyer.reservations.createReservation(wish));
      const { reservation: held } = answer;
      all.push({ buyer, wish, held, state: held?.state, attempts: [] });
      return answer.word;
    },
    async pay(wish, attempt) {
      const booking = remembered(wish);
      const { word, reservation } = await payment(booking, attempt);
      booking.attempts.push({ ...attempt, answer: word });
      booking.state = reservation?.state ?? booking.state;
      return word;
    },
    async cancel(wish) {
      const booking = remembered(wish);
      const { reservations } = booking.buyer;
      const { eventId, reservationId } = wish;
      const first = await answerOf(() => reservations.cancelReservation({ eventId, reservationId }));
      const last =
        first.reservation?.state !== REFUNDING
          ? first
          : await eventually("the refund is over", async () => {
              const now = await answerOf(() => reservations.getReservation({ eventId, reservationId }));
              return now.reservation?.state === REFUNDING ? undefined : now;
            });
      booking.state = last.reservation?.state ?? booking.state;
      return last.word;
    },
    async contradictions() {
      const found: string[] = [];
      const standing = new Map<Remembered, Reservation | undefined>();
      for (const booking of all) {
        const { reservationId } = booking.wish;
        const { word, reservation } = await answerOf(() =>
          booking.buyer.reservations.getReservation({ eventId, reservationId }),
        );
        standing.set(booking, reservation);
        found.push(...forgotten(booking, word, reservation));
      }
      found.push(...seatsOfTwo(standing), ...(await takenByNobody(eventId, standing)));
      for (const booking of all) if (booking.held) found.push(...(await answeredOtherwise(booking, booking.held)));
      return found;
    },
  };
}

type Answer = { word: string; reservation: Reservation | undefined };

async function answerOf(call: () => Promise<{ reservation?: Reservation | undefined }>): Promise<Answer> {
  const answered = untilKnown(call);
  const { reservation } = await answered.catch(() => ({ reservation: undefined }));
  return { reservation, word: reservation ? ReservationState[reservation.state]! : await reasonOf(answered) };
}

const payment = ({ buyer, wish: { eventId, reservationId } }: Remembered, { token, key }: Attempt) =>
  answerOf(() =>
    buyer.reservations.checkout({ eventId, reservationId, paymentMethodToken: token, idempotencyKey: key }),
  );

// Promise 3: what was said was durable. Promise 10: and does not go back. Promise 8: what was refused left nothing.
function forgotten({ wish, held, state }: Remembered, word: string, now: Reservation | undefined): string[] {
  const say = (promise: number, words: string) => [`promise ${promise}: ${wish.reservationId} ${words}`];
  if (!held) return now ? say(8, `was refused, and is ${word}`) : [];
  if (!now) return say(3, `was held, and is gone: ${word}`);
  if (placesOf(now) !== placesOf(held)) return say(3, `had ${placesOf(held)}, and has ${placesOf(now)}`);
  if (!laterStates[state!]!.includes(now.state)) return say(10, `was ${ReservationState[state!]}, and is ${word}`);
  return [];
}

// Promise 2: nobody else has them.
function seatsOfTwo(standing: ReadonlyMap<Remembered, Reservation | undefined>): string[] {
  const owners = new Map<string, string>();
  return [...standing.values()].flatMap((reservation) => {
    if (!reservation || !owning.includes(reservation.state)) return [];
    return reservation.seats.flatMap(({ row, number }) => {
      const seat = `${reservation.areaId} ${row}-${number}`;
      const other = owners.get(seat);
      owners.set(seat, reservation.reservationId);
      return other === undefined ? [] : [`promise 2: ${seat} belongs to ${other} and to ${reservation.reservationId}`];
    });
  });
}

// Promise 8 again, and 4: what is off sale is what somebody was told to have.
async function takenByNobody(
  eventId: string,
  standing: ReadonlyMap<Remembered, Reservation | undefined>,
): Promise<string[]> {
  const [first] = standing.keys();
  if (!first) return [];
  const told = [...standing.values()].reduce(
    (sum, reservation) => sum + (owning.includes(reservation?.state) ? reservation!.quantity : 0),
    0,
  );
  const { areas } = await untilKnown(() => first.buyer.events.getAvailability({ eventId }));
  const taken = areas.reduce((sum, { held, sold }) => sum + held + sold, 0);
  return taken === told ? [] : [`promise 8: ${taken} places are taken, and ${told} were given to somebody`];
}

// Promise 7: the same key with the same request, and with another one.
async function answeredOtherwise(booking: Remembered, held: Reservation): Promise<string[]> {
  const { buyer, wish, attempts, state } = booking;
  const found: string[] = [];
  const demand = (isKept: boolean, words: string) => {
    if (!isKept) found.push(`promise 7: ${wish.reservationId} ${words}`);
  };
  const again = await answerOf(() => buyer.reservations.createReservation(wish));
  demand(
    again.reservation !== undefined && placesOf(again.reservation) === placesOf(held),
    `had ${placesOf(held)}, and asked for again it is ${again.word}`,
  );
  const more = { ...wish, selection: { case: "bestAvailable" as const, value: { quantity: held.quantity + 1 } } };
  const other = await answerOf(() => buyer.reservations.createReservation(more));
  demand(other.word === "IDEMPOTENCY_KEY_REUSED", `is answered with ${other.word} where its key asks for more seats`);
  for (const { answer, ...attempt } of attempts) {
    const repeated = await payment(booking, attempt);
    // The answer to a payment that succeeded is the booking as it stands now.
    const isSame =
      answer === "CONFIRMED" && repeated.reservation
        ? laterStates[state!]!.includes(repeated.reservation.state)
        : repeated.word === answer;
    demand(isSame, `was paid with the answer ${answer}, and asked again it is ${repeated.word}`);
    const swapped = await payment(booking, { ...attempt, token: "tok_another_card" });
    demand(
      swapped.word === "IDEMPOTENCY_KEY_REUSED",
      `is answered with ${swapped.word} where its key pays with another card`,
    );
  }
  return found;
}

function placesOf({ areaId, quantity, seats }: Reservation): string {
  const names = seats.map(({ row, number }) => `${row}-${number}`).join(", ");
  return `${names || `${quantity} places`} in ${areaId}`;
}
