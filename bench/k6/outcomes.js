// What buyers were told, counted: every answer by what went wrong with it, and every buyer by how it ended.

import { Counter, Rate, Trend } from "k6/metrics";

const buyers = new Counter("buyers");
const served = new Rate("served");
const gotSeats = new Rate("got_seats");
const finalMs = new Trend("final_ms", true);
const counterOfEnd = {
  held: new Counter("held"),
  sold_out: new Counter("sold_out"),
  not_on_sale: new Counter("not_on_sale"),
  gave_up: new Counter("gave_up"),
};

const counterOfStep = {
  paid: new Counter("paid"),
  declined: new Counter("declined"),
  cancelled: new Counter("cancelled"),
  lapsed: new Counter("lapsed"),
};
const trendOfAnswer = {
  held: new Trend("held_ms", true),
  sold_out: new Trend("sold_out_ms", true),
  shed: new Trend("shed_ms", true),
  paid: new Trend("paid_ms", true),
  cancelled: new Trend("cancelled_ms", true),
};

const answers = new Counter("answers");
const counterOfShedding = { RATE_LIMITED: new Counter("rate_limited"), OVERLOADED: new Counter("overloaded") };
const unavailable = new Rate("unavailable");
const wrong = new Counter("wrong");

/** Times in the summary are milliseconds, of these kinds. */
export const trendStats = ["p(50)", "p(95)", "p(99)", "max", "count"];

const complaintsMax = 3;
let complaints = 0;

/** Counts one answer of the gateway to `method`, whatever it says. */
export function countAnswer(method, answer) {
  answers.add(1);
  unavailable.add(answer.kind === "unavailable");
  if (answer.kind === "wrong") complain(`${method}: ${answer.why}`);
  if (answer.code === "resource_exhausted") {
    counterOfShedding[answer.reason === "RATE_LIMITED" ? "RATE_LIMITED" : "OVERLOADED"].add(1);
    trendOfAnswer.shed.add(answer.ms);
  }
}

/** Counts a buyer who has come. */
export function countArrival() {
  buyers.add(1);
}

/**
 * Counts how a buyer's wish for seats ended, and what it took from arriving, pauses included: `held`, `sold_out`,
 * `not_on_sale`, `gave_up` (no final answer within the buyer's patience), or `wrong`, which was complained of.
 */
export function countEnd(end, tookMs) {
  counterOfEnd[end]?.add(1);
  gotSeats.add(end === "held");
  served.add(end === "held" || end === "sold_out");
  finalMs.add(tookMs);
}

/** Counts what became of a hold: `paid`, `declined` (once for each card), `cancelled` or `lapsed`. */
export function countStep(step) {
  counterOfStep[step].add(1);
}

/** Notes the time of an answer that says `held`, `sold_out`, `paid` or `cancelled`. */
export function timeAnswer(what, { ms }) {
  trendOfAnswer[what].add(ms);
}

/** Counts an answer that breaks the contract; each VU prints its first ones. */
export function complain(why) {
  wrong.add(1);
  complaints += 1;
  if (complaints <= complaintsMax) console.error(`wrong: ${why}`);
}
