// Traffic through the public API: buyers who book, pay, give back, pass tickets on and go in, one booking after the other.

import { setTimeout as sleep } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import {
  bestOf,
  gateStaff,
  guest,
  organiser,
  publishEvent,
  seatedArea,
  untilKnown,
  type EdgeUser,
} from "../support/edge.ts";
import { createAsk, GivenUpError, type Ask, type AskCounts } from "./ask.ts";
import { cancel, giveUp, hold, newBooking, pay, type Booking } from "./booking.ts";
import { admit, handIn, transfer } from "./doors.ts";
import { refundPart } from "./part-refunds.ts";
import { createBank, type Bank } from "./provider.ts";
import type { FaultStack } from "./stack.ts";

/** People with sessions, opened while all is well, and the buyers' bank. */
export type Cast = { organiser: EdgeUser; gate: EdgeUser; friend: EdgeUser; buyers: EdgeUser[]; bank: Bank };

/** How buyers behave. */
export type BuyerHabits = {
  /** What they pay with. */
  token: string;
  /** How many of each request they send at once. */
  repeats: number;
};

/** Buyers, under way once they are started. */
export type Traffic = {
  /** Everything that was asked for. */
  bookings: Booking[];
  /** When bookings were confirmed, by the monotonic clock, in milliseconds. */
  confirmedAtMs: number[];
  counts: AskCounts;
  /** What went wrong: answers that nobody should get. */
  problems: string[];
  /** Returns how to ask as they do, but for how many ask the same at once. */
  askTimes(repeats: number): Ask;
  /** Sends the buyers off, each with one booking at a time, to an event of their own. */
  start(cast: Cast): Promise<void>;
  /** Begins no more bookings, and waits for those under way. */
  stop(): Promise<void>;
};

const pauseMs = 20;
const sessions = 3;

/** Opens sessions with every gateway in turn. */
export async function assembleCast(stack: Pick<FaultStack, "gatewayUrls" | "issuerUrl" | "sandboxUrl">): Promise<Cast> {
  const { gatewayUrls, issuerUrl } = stack;
  const door = (index: number) => gatewayUrls[index % gatewayUrls.length]!;
  const [staff, gate, friend, ...buyers] = await Promise.all([
    organiser(door(0), issuerUrl()),
    gateStaff(door(0), issuerUrl()),
    guest(door(0)),
    ...Array.from({ length: sessions }, (_, index) => guest(door(index))),
  ]);
  return { organiser: staff, gate, friend, buyers, bank: createBank(stack) };
}

/** Returns traffic that has not begun. Once `giveUp` aborts, nobody asks again. */
export function createTraffic(habits: BuyerHabits, giveUp: AbortSignal): Traffic {
  const counts: AskCounts = { known: 0, unknown: 0 };
  const askTimes = (repeats: number) => createAsk({ repeats, giveUp, counts });
  const ask = askTimes(habits.repeats);
  const told: Told = { bookings: [], confirmedAtMs: [], problems: [] };
  let isGoing = true;
  let going: Promise<unknown> = Promise.resolve();

  async function buyAgainAndAgain(scene: Scene, first: number): Promise<void> {
    for (let round = first; isGoing; round += 1) {
      try {
        await scripts[round % scripts.length]!(scene);
      } catch (error) {
        told.problems.push(`${error instanceof GivenUpError ? "unfinished: " : ""}${String(error)}`);
      }
      await sleep(pauseMs);
    }
  }

  return {
    ...told,
    counts,
    askTimes,
    async start(cast) {
      // What was gone may have returned a moment ago.
      const areas = [seatedArea("stalls", 26, 60), seatedArea("box", 1, 1)];
      const eventId = await untilKnown(() => publishEvent(cast.organiser, { areas }));
      const stride = Math.ceil(scripts.length / cast.buyers.length);
      // They begin at different places, so that each kind of booking is under way most of the time.
      going = Promise.all(
        cast.buyers.map((buyer, index) =>
          buyAgainAndAgain({ eventId, buyer, cast, ask, habits, told }, index * stride),
        ),
      );
    },
    async stop() {
      isGoing = false;
      await going;
    },
  };
}

type Told = Pick<Traffic, "bookings" | "confirmedAtMs" | "problems">;

type Scene = {
  eventId: string;
  buyer: EdgeUser;
  cast: Cast;
  ask: Ask;
  habits: BuyerHabits;
  told: Told;
};

const scripts: ((scene: Scene) => Promise<void>)[] = [
  async (scene) => void (await buy(scene)),
  async (scene) => cancel(await buy(scene), scene.ask),
  async (scene) => cancel(await begin(scene), scene.ask),
  async (scene) => {
    const booking = await begin(scene);
    await attempt(scene, booking, { token: "tok_decline", wanted: "PAYMENT_DECLINED" });
    await attempt(scene, booking, { token: "tok_approve" });
  },
  async (scene) => {
    const { ask, cast } = scene;
    const booking = await buy(scene);
    await transfer(booking, ask, cast.friend);
    await admit(booking, ask, cast.gate);
  },
  async (scene) => {
    const { ask, cast } = scene;
    const booking = await buy(scene);
    await admit(booking, ask, cast.gate);
    await handIn(booking, ask, cast.gate);
  },
  // One seat, which somebody has already unless this is the first.
  async (scene) => void (await begin(scene, "box", 1)),
  async (scene) => attempt(scene, await begin(scene), { token: "tok_3ds" }),
  async (scene) => {
    const booking = await begin(scene);
    await attempt(scene, booking, { token: "tok_3ds", isProven: false, wanted: "PAYMENT_DECLINED" });
    await giveUp(booking, scene.ask, { token: "tok_3ds", key: uuidv7(), bank: scene.cast.bank });
  },
  async (scene) => {
    const { ask, cast } = scene;
    const booking = await buy(scene);
    await refundPart(booking, ask, { by: cast.organiser, part: { kind: "ticket" } });
    await refundPart(booking, ask, { by: cast.organiser, part: { kind: "amount", amountMinor: 1_000n } });
  },
];

async function begin({ buyer, eventId, ask, told }: Scene, areaId = "stalls", quantity = 2): Promise<Booking> {
  // What is free changes while they look: whoever looks at once need not see the same.
  await ask(async (bounds) => void (await buyer.events.getAvailability({ eventId }, bounds)));
  const booking = newBooking(buyer, bestOf(eventId, quantity, areaId));
  told.bookings.push(booking);
  await hold(booking, ask);
  if (booking.refused !== undefined && booking.refused !== "SOLD_OUT") {
    throw new Error(`a reservation was refused: ${booking.refused}`);
  }
  return booking;
}

async function buy(scene: Scene): Promise<Booking> {
  const booking = await begin(scene);
  await attempt(scene, booking, { token: scene.habits.token });
  return booking;
}

async function attempt(
  { ask, cast, told }: Scene,
  booking: Booking,
  how: { token: string; isProven?: boolean; wanted?: string },
): Promise<void> {
  const { token, isProven = true, wanted = "CONFIRMED" } = how;
  const answer = await pay(booking, ask, { token, isProven, key: uuidv7(), bank: cast.bank });
  if (answer !== wanted) throw new Error(`a checkout was answered with ${answer} instead of ${wanted}`);
  if (wanted === "CONFIRMED") told.confirmedAtMs.push(performance.now());
}
