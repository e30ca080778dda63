// `kill -9`, and what goes on meanwhile.

import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import type { Ask } from "./ask.ts";
import { hold, pay, visitBank, type Booking, type Payment } from "./booking.ts";
import type { Fault } from "./fault-case.ts";
import { closeGate } from "./gate.ts";
import type { Injected, Scene } from "./inject.ts";
import { messageBytes } from "./messages.ts";
import { fired, NotFiredError } from "./proof.ts";
import { deliveriesOf } from "./provider.ts";
import type { FaultStack } from "./stack.ts";
import { play } from "./stories.ts";

const replyTimeoutMs = 15_000;

/** Kills a process at a step of the focal booking's story. */
export async function killAtStep(
  fault: Fault & { kind: "kill" },
  { stack, traffic, cast, focal }: Scene,
): Promise<Injected> {
  const { victim, moment, write, story, replyOn, repeats } = fault;
  const gate = await closeGate(stack.sql, write, focal.wish.eventId);
  const pending = play(story, { booking: focal, others: traffic.bookings, ask: traffic.askTimes(repeats), cast });
  pending.catch(() => {});
  const halted = await Promise.race([gate.reached(), pending.then(() => undefined)]);
  if (!halted) throw new NotFiredError(`the story "${story}" ended without writing ${write.state} into ${write.table}`);

  const { pid } = stack.processes.get(victim);
  const change = write.from === undefined ? write.state : `${write.from} → ${write.state}`;
  const seen: string[] = [`transaction ${halted.xid} stood before writing ${change} into ${write.table}`];
  if (moment === "before-reply") {
    const [proxy] = stack.proxiesOf(replyOn!);
    proxy!.silence("down");
    let withheld = 0;
    proxy!.watch((chunk, direction) => void (withheld += direction === "down" ? messageBytes(chunk, replyOn!) : 0));
    await gate.open(halted);
    const giveUpAtMs = performance.now() + replyTimeoutMs;
    while (withheld === 0 && performance.now() < giveUpAtMs) await sleep(5);
    proxy!.watch(undefined);
    fired(withheld > 0, `an answer on ${replyOn} was withheld`);
    seen.push(`it committed`, `${withheld} bytes of the answer on ${replyOn} were withheld`);
  }
  const struckAtMs = performance.now();
  await stack.processes.kill(victim);
  seen.push(`${victim} (${pid}) was killed`);
  if (moment === "before-commit") {
    await gate.turnBack(halted);
    seen.push("it rolled back");
  } else if (moment === "before-reply") {
    const [proxy] = stack.proxiesOf(replyOn!);
    proxy!.reset();
    proxy!.heal();
  } else {
    await gate.open(halted);
    seen.push("it committed");
  }
  await stack.processes.restart(victim);
  return { struckAtMs, returnedAtMs: performance.now(), proof: seen.join("; "), pending };
}

/** Kills a process while the focal booking's buyer is at the bank's page, and lets the buyer say yes before it is back. */
export async function actWhileDead(
  { dead }: Fault & { kind: "buyer-acts" },
  { stack, traffic, cast, focal }: Scene,
): Promise<Injected> {
  const ask = traffic.askTimes(1);
  const payment = { token: "tok_3ds", key: "story", bank: cast.bank };
  await hold(focal, ask);
  const pageUrl = await visitBank(focal, ask, payment);
  const { pid } = stack.processes.get(dead);
  const struckAtMs = performance.now();
  await stack.processes.kill(dead);
  await cast.bank.answer(pageUrl, true);
  // Without reservation the webhook is taken, and what it tells is lost on the way; without the others it is sent again.
  const heard = await untilTold(stack, { pageUrl, isTaken: dead === "reservation" });
  await stack.processes.restart(dead);
  return {
    struckAtMs,
    returnedAtMs: performance.now(),
    proof: `${dead} (${pid}) was killed; the buyer said yes meanwhile; ${heard}`,
    pending: waitForEnd(focal, ask, payment),
  };
}

async function untilTold(
  stack: FaultStack,
  { pageUrl, isTaken }: { pageUrl: string; isTaken: boolean },
): Promise<string> {
  const reference = new URL(pageUrl).pathname.split("/").at(-1);
  const giveUpAtMs = performance.now() + replyTimeoutMs;
  while (performance.now() < giveUpAtMs) {
    const told = (await deliveriesOf(stack)).find((each) => each.reference === reference);
    if (isTaken && told?.status === 200) return "its webhook was taken";
    if (!isTaken && told && told.tries > 1) return `its webhook was sent ${told.tries} times in vain`;
    await sleep(20);
  }
  throw new NotFiredError("the provider sent no webhook");
}

// Nobody asks to pay again before the booking has moved on by itself.
async function waitForEnd(booking: Booking, ask: Ask, payment: Payment): Promise<void> {
  const { buyer, wish } = booking;
  await ask(async (bounds) => {
    const { reservation } = await buyer.reservations.getReservation(wish, bounds);
    if (reservation!.state === ReservationState.PAYING) throw new ConnectError("it is being paid", Code.Aborted);
  });
  const answer = await pay(booking, ask, payment);
  if (answer !== "CONFIRMED") throw new Error(`a checkout was answered with ${answer} instead of CONFIRMED`);
}
