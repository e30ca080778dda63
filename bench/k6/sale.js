// The event that is bought from: found before the run; and the sums afterwards, whether its seats add up to what buyers were
// told.

import { sleep } from "k6";
import { Counter } from "k6/metrics";
import { call, numberSetting } from "./boxoffice.js";
import { epochMs } from "./contract.js";

const demoEventName = "Boxoffice Demo Night";

/** Seats that a buyer asks for. */
export const quantity = numberSetting("QUANTITY", 2);

// Both are sums that end at or below zero in a run where all is well; each is what is left over on one side.
const promisedNotTaken = new Counter("seats_promised_not_taken");
const takenNotPromised = new Counter("seats_taken_not_promised");

/**
 * Thresholds of the sums. Other buyers of the event would unbalance them, so SHARED=true leaves them out.
 */
export const sumThresholds =
  __ENV.SHARED === "true" ? {} : { seats_promised_not_taken: ["count<=0"], seats_taken_not_promised: ["count<=0"] };

/** What buyers were told of their seats, as the sums count it. */
export const told = {
  /** Seats are the buyer's. */
  held: (seats) => add(seats, -seats),
  /** Seats are the buyer's no longer. */
  givenBack: (seats) => add(-seats, seats),
  /** Seats were asked for, and the outcome is not known: they may be taken. */
  maybeHeld: (seats) => add(0, -seats),
  /** Seats were to be given back, and the outcome is not known: they may be free. */
  maybeGivenBack: (seats) => add(-seats, 0),
};

/** For `setup`: returns the event, its areas to buy from and what is taken of them. Throws with what to do where it can't. */
export function findSale() {
  const event = __ENV.EVENT_ID
    ? fetch("EventService/GetEvent", { eventId: __ENV.EVENT_ID }).event
    : demoEvent(fetch("EventService/ListEvents", { filter: demoEventName, pageSize: 100 }).events);
  if (event.customerLimit > 0 && quantity > event.customerLimit) {
    throw new Error(`QUANTITY=${quantity} is over the event's limit of ${event.customerLimit} seats a customer`);
  }
  const wanted = (__ENV.AREA_IDS || "").split(",").filter((areaId) => areaId !== "");
  const unknown = wanted.filter((areaId) => !event.areas.some((area) => area.areaId === areaId));
  if (unknown.length > 0) throw new Error(`the event has no area ${unknown.join(", ")}`);
  const areas = event.areas.filter(({ areaId }) => wanted.length === 0 || wanted.includes(areaId));
  const stock = readStock(event.eventId, areas);
  return {
    eventId: event.eventId,
    name: event.name,
    taken: stock.taken,
    areas: areas.map(({ areaId, seated }) => ({
      areaId,
      free: stock.freeOf[areaId],
      // Seats of each row by label; null where places have no numbers.
      rows: seated ? Object.fromEntries(seated.rows.map(({ label, seatCount }) => [label, seatCount])) : null,
    })),
  };
}

/** For `teardown`: sets what is taken now against what buyers were told. */
export function settleSale({ eventId, areas, taken }) {
  const takenInRun = readStock(eventId, areas).taken - taken;
  add(-takenInRun, takenInRun);
}

function add(promised, unpromised) {
  promisedNotTaken.add(promised);
  takenNotPromised.add(unpromised);
}

function demoEvent(events) {
  const now = Date.now();
  const event = events.find(({ saleEndTime }) => epochMs(saleEndTime) > now);
  if (!event) throw new Error(`there is no "${demoEventName}" on sale: name the event to buy from with EVENT_ID`);
  return event;
}

function readStock(eventId, areas) {
  sleep(1.5); // Availability may be up to a second old.
  const areaIds = areas.map(({ areaId }) => areaId);
  const found = fetch("EventService/GetAvailability", { eventId, areaIds }).areas;
  const sum = (count) => found.reduce((total, area) => total + count(area), 0);
  return {
    taken: sum(({ held, sold }) => held + sold),
    freeOf: Object.fromEntries(found.map(({ areaId, free }) => [areaId, free])),
  };
}

function fetch(method, message) {
  const answer = call(method, message);
  if (answer.kind === "ok") return answer.message;
  throw new Error(`${method}: ${answer.why ?? `${answer.code} ${answer.reason ?? ""}`}`);
}
