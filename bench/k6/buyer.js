// One buyer, from the session to the ticket.

import { callUntilFinal, isFinal, newId, numberSetting } from "./boxoffice.js";
import { faultOfHold, faultOfSame, forgetSeats, holdLengthMs } from "./contract.js";
import { complain, countAnswer, countArrival, countEnd, countStep, timeAnswer } from "./outcomes.js";
import { quantity, told } from "./sale.js";

// Shares of the holders who ask again with the same id, as if the first answer had got lost, and of the payers whose first
// card is declined.
const repeatShare = numberSetting("REPEAT_SHARE", 0.1);
const declineShare = numberSetting("DECLINE_SHARE", 0.1);
const goodCard = __ENV.PAYMENT_TOKEN || "tok_approve";
const badCard = __ENV.DECLINE_TOKEN || "tok_decline";

const soldOut = ["SOLD_OUT", "SEATS_UNAVAILABLE"];
const notOnSale = ["SALE_NOT_OPEN", "SALE_CLOSED"];
const lapsed = ["HOLD_EXPIRED", "WRONG_STATE"];

/** A buyer comes, asks for seats, and then pays (with the probability `payShare`) or gives them back. */
export function buy(sale, payShare) {
  countArrival();
  const arrivedAt = Date.now();
  const token = openSession();
  const { end, hold } = token ? reserve(sale, token) : { end: "gave_up" };
  countEnd(end, Date.now() - arrivedAt);
  if (!hold) return;
  if (Math.random() < repeatShare) repeat(hold);
  if (Math.random() < payShare) pay(hold);
  else cancel(hold);
}

function openSession() {
  const answer = ask("SessionService/CreateGuestSession", {});
  if (answer.kind !== "ok") return void complainOfRefusal("CreateGuestSession", answer);
  const token = answer.message.session?.sessionToken;
  if (!token) complain("CreateGuestSession: a session without a token");
  return token;
}

function reserve(sale, token) {
  const area = pickArea(sale.areas);
  const wish = wishFor(sale.eventId, area);
  const sentAt = Date.now();
  const answer = ask("ReservationService/CreateReservation", wish, token);
  if (answer.kind !== "ok") return { end: endWithout(answer) };
  const { reservation } = answer.message;
  told.held(quantity);
  const fault = faultOfHold(reservation, { wish, area, quantity });
  if (fault) {
    complain(`CreateReservation: ${fault}`);
    return { end: "wrong" };
  }
  timeAnswer("held", answer);
  return { end: "held", hold: { reservation, wish, token, lapsesAt: sentAt + holdLengthMs(reservation) } };
}

function endWithout(answer) {
  if (!isFinal(answer)) {
    told.maybeHeld(quantity);
    return "gave_up";
  }
  if (soldOut.includes(answer.reason)) {
    timeAnswer("sold_out", answer);
    return "sold_out";
  }
  if (notOnSale.includes(answer.reason)) return "not_on_sale";
  complainOfRefusal("CreateReservation", answer);
  return "wrong";
}

function repeat({ reservation, wish, token }) {
  const answer = ask("ReservationService/CreateReservation", wish, token);
  if (answer.kind !== "ok") return complainOfRefusal("CreateReservation again", answer);
  const fault = faultOfSame(answer.message.reservation, reservation, "RESERVATION_STATE_HELD");
  if (fault) complain(`CreateReservation again: ${fault}`);
}

function pay(hold) {
  if (Math.random() < declineShare) {
    const answer = checkout(hold, badCard);
    if (answer.reason === "PAYMENT_DECLINED") countStep("declined");
    else if (answer.kind === "ok") return complain("Checkout: paid with a card that is always declined");
    else if (isFinal(answer)) return giveUpOn(hold, "Checkout", answer);
  }
  const answer = checkout(hold, goodCard);
  if (answer.kind !== "ok") return giveUpOn(hold, "Checkout", answer);
  const { reservation, paymentId } = answer.message;
  const fault = paymentId
    ? faultOfSame(reservation, hold.reservation, "RESERVATION_STATE_CONFIRMED")
    : "paid without a payment id";
  if (fault) return complain(`Checkout: ${fault}`);
  countStep("paid");
  timeAnswer("paid", answer);
}

function checkout({ wish, token }, paymentMethodToken) {
  const { eventId, reservationId } = wish;
  const payment = { eventId, reservationId, paymentMethodToken, idempotencyKey: newId() };
  return ask("ReservationService/Checkout", payment, token);
}

function cancel(hold) {
  const { eventId, reservationId } = hold.wish;
  // Before the answer: the seats may be another buyer's by the time it is here.
  forgetSeats(hold.reservation);
  const answer = ask("ReservationService/CancelReservation", { eventId, reservationId }, hold.token);
  if (answer.kind !== "ok") return giveUpOn(hold, "CancelReservation", answer);
  told.givenBack(quantity);
  const fault = faultOfSame(answer.message.reservation, hold.reservation, "RESERVATION_STATE_CANCELLED");
  if (fault) return complain(`CancelReservation: ${fault}`);
  countStep("cancelled");
  timeAnswer("cancelled", answer);
}

// A hold that has lapsed can be neither paid nor cancelled, and rightly so.
function giveUpOn({ reservation, lapsesAt }, method, answer) {
  if (!isFinal(answer)) {
    told.maybeGivenBack(quantity);
  } else if (lapsed.includes(answer.reason) && Date.now() >= lapsesAt) {
    told.givenBack(quantity);
    countStep("lapsed");
  } else {
    return complainOfRefusal(method, answer);
  }
  forgetSeats(reservation);
}

function ask(method, message, token) {
  return callUntilFinal(method, message, { token, onAnswer: (answer) => countAnswer(method, answer) });
}

// Answers of the kind "wrong" were counted when they came; what is not final was the buyer's patience.
function complainOfRefusal(method, answer) {
  if (answer.kind === "refused" && isFinal(answer)) complain(`${method}: ${answer.code} ${answer.reason ?? ""}`);
}

function wishFor(eventId, { areaId, rows }) {
  const selection = rows ? { bestAvailable: { quantity, split: true } } : { generalAdmission: { quantity } };
  return { eventId, reservationId: newId(), areaId, ...selection };
}

// In proportion to what was free before the run, so that small areas don't sell out long before the others.
function pickArea(areas) {
  const weights = areas.map(({ free }) => free);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let point = Math.random() * total;
  const index = weights.findIndex((weight) => (point -= weight) < 0);
  return areas[index] ?? areas[Math.floor(Math.random() * areas.length)];
}
