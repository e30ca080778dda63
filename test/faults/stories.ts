// One booking from its first request to its last answer, by a known way: so that a fault can strike at a known step.

import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { publishEvent, seatedArea } from "../support/edge.ts";
import type { Ask } from "./ask.ts";
import { cancel, giveUp, hold, pay, type Booking } from "./booking.ts";
import type { Cast } from "./buyers.ts";
import { admit, handIn, transfer } from "./doors.ts";
import { refundPart } from "./part-refunds.ts";
import { buyOnceLapsed } from "./rival.ts";

/** A way through the system from the first seat to the last answer. */
export type Story = keyof typeof stories;

/** What a story is about; bookings of whoever else comes into it are added to `others`. */
type Teller = { booking: Booking; others: Booking[]; ask: Ask; cast: Cast };
type StoryLine = { tell(teller: Teller): Promise<unknown>; ends: ReservationState[] };

const { HELD, CONFIRMED, EXPIRED, CANCELLED, REFUNDING, REFUNDED } = ReservationState;
const key = "story";

const stories = {
  hold: { tell: async () => {}, ends: [HELD] },
  pay: { tell: paying("tok_approve", "CONFIRMED"), ends: [CONFIRMED] },
  decline: { tell: paying("tok_decline", "PAYMENT_DECLINED"), ends: [HELD] },
  lose: { tell: lose, ends: [EXPIRED, CONFIRMED] },
  cancel: { tell: ({ booking, ask }) => cancel(booking, ask), ends: [CANCELLED] },
  refund: { tell: afterBuying(({ booking, ask }) => cancel(booking, ask)), ends: [REFUNDING, REFUNDED] },
  prove: { tell: paying("tok_3ds", "CONFIRMED"), ends: [CONFIRMED] },
  disown: { tell: paying("tok_3ds", "PAYMENT_DECLINED", false), ends: [HELD] },
  "give-up": {
    tell: ({ booking, ask, cast: { bank } }) => giveUp(booking, ask, { token: "tok_3ds", key, bank }),
    ends: [CANCELLED],
  },
  "refund-ticket": {
    tell: afterBuying(({ booking, ask, cast: { organiser } }) =>
      refundPart(booking, ask, { by: organiser, part: { kind: "ticket" } }),
    ),
    ends: [CONFIRMED],
  },
  "refund-unheard": {
    tell: afterBuying(
      ({ booking, ask, cast: { organiser } }) => refundPart(booking, ask, { by: organiser, part: { kind: "ticket" } }),
      "tok_timeout_after_refund",
    ),
    ends: [CONFIRMED],
  },
  "refund-amount": {
    tell: afterBuying(({ booking, ask, cast: { organiser } }) =>
      refundPart(booking, ask, { by: organiser, part: { kind: "amount", amountMinor: 1_000n } }),
    ),
    ends: [CONFIRMED],
  },
  transfer: {
    tell: afterBuying(({ booking, ask, cast }) => transfer(booking, ask, cast.buyers[0]!)),
    ends: [CONFIRMED],
  },
  admit: { tell: afterBuying(({ booking, ask, cast }) => admit(booking, ask, cast.gate)), ends: [CONFIRMED] },
  "hand-in": { tell: afterBuying(({ booking, ask, cast }) => handIn(booking, ask, cast.gate)), ends: [CONFIRMED] },
} satisfies Record<string, StoryLine>;

/** Publishes an event for one story. Where seats are to be lost it has no others, and a hold of them lapses at once. */
export async function stageFor(story: Story, cast: Cast): Promise<string> {
  const scarce = { holdTtlMs: 1_000, areas: [seatedArea("stalls", 1, 2)] };
  return await publishEvent(cast.organiser, story === "lose" ? scarce : {});
}

/** Plays a story with one booking. Throws where it ends otherwise than it should. */
export async function play(story: Story, teller: Teller): Promise<void> {
  const { booking, ask } = teller;
  const { tell, ends }: StoryLine = stories[story];
  await hold(booking, ask);
  if (booking.refused !== undefined) throw new Error(`a reservation was refused: ${booking.refused}`);
  await tell(teller);
  if (booking.state !== undefined && !ends.includes(booking.state)) {
    throw new Error(`the story "${story}" ended in ${ReservationState[booking.state]}`);
  }
}

function paying(token: string, wanted: string, isProven = true): StoryLine["tell"] {
  return async ({ booking, ask, cast: { bank } }) => {
    const answer = await pay(booking, ask, { token, key, bank, isProven });
    if (answer !== wanted) throw new Error(`a checkout was answered with ${answer} instead of ${wanted}`);
  };
}

// The provider is slower than the hold lasts, and a rival wants the seats. A fault that strikes the rival may leave them to
// who paid late, or to nobody: each came too late while the other held them again. What is never right is that both have them.
async function lose({ booking, others, ask, cast }: Teller): Promise<void> {
  const [answer, rivalAnswer] = await Promise.all([
    pay(booking, ask, { token: "tok_slow", key, bank: cast.bank }),
    buyOnceLapsed(booking, { buyer: cast.buyers[0]!, others, ask, bank: cast.bank }),
  ]);
  if (answer === "CONFIRMED" && rivalAnswer === "CONFIRMED") {
    throw new Error("a late payment and its rival's were both CONFIRMED");
  }
}

function afterBuying(goOn: StoryLine["tell"], token = "tok_approve"): StoryLine["tell"] {
  return async (teller) => {
    await paying(token, "CONFIRMED")(teller);
    await goOn(teller);
  };
}
