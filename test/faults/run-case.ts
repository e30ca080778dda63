// One case: traffic, one fault, and what has to hold afterwards.

import { setTimeout as sleep } from "node:timers/promises";
import { bestOf } from "../support/edge.ts";
import { createAsk } from "./ask.ts";
import { newBooking, type Booking } from "./booking.ts";
import { assembleCast, createTraffic, type Cast, type Traffic } from "./buyers.ts";
import { wrongCharges } from "./check-charges.ts";
import { brokenLedger } from "./check-ledger.ts";
import { brokenPromises, unfinishedWork, violations } from "./checks.ts";
import type { Fault, FaultCase } from "./fault-case.ts";
import { inject, type Injected } from "./inject.ts";
import { NotFiredError } from "./proof.ts";
import { providerStats } from "./provider.ts";
import type { FaultStack } from "./stack.ts";
import { stageFor, type Story } from "./stories.ts";

/** What came of a case. Times are milliseconds. */
export type CaseResult = {
  name: string;
  /** What shows that the fault fired; empty where nothing does. */
  proof: string;
  /** From the return of what was gone until a booking was confirmed. */
  recoveryMs: number | undefined;
  recoveryMsMax: number;
  /** From that return until the story that the fault struck had come to its end; undefined where it struck none. */
  storyMs: number | undefined;
  /** From that return until nothing was unfinished and the checks were clean. */
  settledMs: number | undefined;
  /** Bookings that buyers began, and how many answers they got, known ones and others. */
  bookings: number;
  known: number;
  unknown: number;
  /** What is wrong; the case holds where this is empty. */
  problems: string[];
  tookMs: number;
};

const settledMsMax = 60_000;
const rampUpMs = 500;
const rampUpMsMax = 30_000;
const windDownMs = 500;
const problemsMax = 20;

/** Runs a case on `stack`. Never throws for what the system does wrong: that is in the result. */
export async function runCase(faultCase: FaultCase, stack: FaultStack): Promise<CaseResult> {
  const startedAtMs = performance.now();
  const giveUp = new AbortController();
  const traffic = createTraffic(faultCase.traffic, giveUp.signal);
  const result: CaseResult = {
    name: faultCase.name,
    proof: "",
    recoveryMs: undefined,
    recoveryMsMax: faultCase.expects.recoveryMsMax,
    storyMs: undefined,
    settledMs: undefined,
    bookings: 0,
    known: 0,
    unknown: 0,
    problems: [],
    tookMs: 0,
  };
  try {
    await runThrough({ faultCase, stack, traffic, giveUp, result });
  } catch (error) {
    const hasFired = !(error instanceof NotFiredError);
    result.problems.push(hasFired ? String(error) : `the fault did not fire: ${(error as Error).message}`);
  } finally {
    // Whoever is under way still is interrupted because the case is over, and that is no problem of the system's.
    result.problems.unshift(...traffic.problems);
    giveUp.abort();
    await traffic.stop();
  }
  result.problems.push(...stack.processes.takeUnexpectedEnds());
  result.problems.splice(problemsMax);
  result.bookings = traffic.bookings.length;
  Object.assign(result, traffic.counts);
  result.tookMs = performance.now() - startedAtMs;
  return result;
}

type Stage = {
  faultCase: FaultCase;
  stack: FaultStack;
  traffic: Traffic;
  giveUp: AbortController;
  result: CaseResult;
};

async function runThrough({ faultCase, stack, traffic, giveUp, result }: Stage): Promise<void> {
  const { fault } = faultCase;
  const before = await providerStats(stack);
  const cast = await assembleCast(stack);
  if (faultCase.traffic.from === "before") {
    await traffic.start(cast);
    await untilConfirmed(traffic, { sinceMs: -Infinity, timeoutMs: rampUpMsMax });
    await sleep(rampUpMs);
  }
  const focal = await focalBooking(faultCase, cast);
  const injected = await inject(fault, { stack, traffic, cast, focal });
  result.proof = injected.proof;
  const storyEnds = injected.pending?.then(() => {
    result.storyMs = Math.max(0, performance.now() - injected.returnedAtMs);
  });
  storyEnds?.catch(() => {});

  const timer = setTimeout(() => giveUp.abort(), injected.returnedAtMs + settledMsMax - performance.now());
  try {
    if (faultCase.traffic.from === "after") await traffic.start(cast);
    await judgeRecovery(traffic, injected, faultCase, result);
    await sleep(windDownMs);
    await Promise.all([traffic.stop(), storyEnds]);
  } finally {
    clearTimeout(timer);
  }

  const bookings = storyOf(fault) ? [...traffic.bookings, focal] : traffic.bookings;
  const settled = await untilSettled({ bookings, cast, stack, injected });
  result.settledMs = settled.settledMs;
  result.problems.push(...settled.problems);
  const ask = createAsk({ repeats: 1, giveUp: AbortSignal.timeout(settledMsMax), counts: traffic.counts });
  result.problems.push(...(await brokenPromises(bookings, cast, ask)));
  result.problems.push(...(await brokenLedger(bookings, cast, ask)));
  // A sandbox that was killed has forgotten what it counted.
  if (!(fault.kind === "kill" && fault.victim === "sandbox")) {
    result.problems.push(...(await wrongCharges(bookings, { stack, before })));
  }
  if (fault.kind === "clock") await stack.processes.setClock(fault.victim, 0);
}

async function focalBooking({ fault }: FaultCase, cast: Cast): Promise<Booking> {
  const story = storyOf(fault);
  return newBooking(cast.friend, bestOf(story ? await stageFor(story, cast) : "", 2));
}

function storyOf(fault: Fault): Story | undefined {
  switch (fault.kind) {
    case "kill":
    case "unheard":
      return fault.story;
    case "buyer-acts":
      return "prove";
    default:
      return undefined;
  }
}

async function judgeRecovery(
  traffic: Traffic,
  { struckAtMs, returnedAtMs }: Injected,
  { expects }: FaultCase,
  result: CaseResult,
): Promise<void> {
  const { problems } = result;
  if (expects.goesOn && !traffic.confirmedAtMs.some((atMs) => atMs > struckAtMs && atMs < returnedAtMs)) {
    problems.push("no booking was confirmed while the fault lasted");
  }
  const recoveredAtMs = await untilConfirmed(traffic, { sinceMs: returnedAtMs, timeoutMs: settledMsMax });
  if (recoveredAtMs === undefined) return void problems.push(`no booking was confirmed within ${settledMsMax} ms`);
  result.recoveryMs = recoveredAtMs - returnedAtMs;
  if (result.recoveryMs > expects.recoveryMsMax) {
    problems.push(`recovery took ${Math.round(result.recoveryMs)} ms, more than ${expects.recoveryMsMax}`);
  }
}

async function untilConfirmed(
  { confirmedAtMs }: Traffic,
  { sinceMs, timeoutMs }: { sinceMs: number; timeoutMs: number },
): Promise<number | undefined> {
  const giveUpAtMs = performance.now() + timeoutMs;
  while (performance.now() < giveUpAtMs) {
    const found = confirmedAtMs.find((atMs) => atMs > sinceMs);
    if (found !== undefined) return found;
    await sleep(10);
  }
  return undefined;
}

// Asks again until all is well, for a minute from the return at most.
async function untilSettled(options: {
  bookings: readonly Booking[];
  cast: Cast;
  stack: FaultStack;
  injected: Injected;
}): Promise<{ settledMs: number | undefined; problems: string[] }> {
  const { bookings, cast, stack, injected } = options;
  const deadlineMs = injected.returnedAtMs + settledMsMax;
  const giveUp = AbortSignal.timeout(Math.max(1_000, Math.round(deadlineMs - performance.now())));
  const ask = createAsk({ repeats: 1, giveUp, counts: { known: 0, unknown: 0 } });
  for (;;) {
    const problems = await Promise.all([unfinishedWork(bookings, ask, stack), violations(cast, ask)]).then(
      (found) => found.flat(),
      (error: unknown) => [String(error)],
    );
    const nowMs = performance.now();
    if (problems.length === 0) return { settledMs: nowMs - injected.returnedAtMs, problems };
    if (nowMs > deadlineMs) return { settledMs: undefined, problems };
    await sleep(250);
  }
}
