// Asking as a client should: the same request with the same key, until its answer is known.

import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details";

/** How a call is bounded. */
export type CallBounds = { timeoutMs: number };

/** Asks until the answer is known, which is returned, or thrown where it is a refusal. Throws GivenUpError once told to. */
export type Ask = <T>(call: (bounds: CallBounds) => Promise<T>, timeoutMs?: number) => Promise<T>;

/** The answer stayed unknown for longer than anybody should have to wait. */
export class GivenUpError extends Error {
  override readonly name = "GivenUpError";
}

/** What asking came to so far. */
export type AskCounts = {
  /** Answers that were known. */
  known: number;
  /** Tries that left the outcome unknown, or were asked to come back. */
  unknown: number;
};

const pauseMs = 100;
const timeoutDefaultMs = 3_000;
const comeBack = [Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.ResourceExhausted, Code.Canceled];

/** Returns a way to ask; `repeats` is how many ask the same at once, who must all hear the same. */
export function createAsk(options: { repeats: number; giveUp: AbortSignal; counts: AskCounts }): Ask {
  const { repeats, giveUp, counts } = options;

  async function untilKnown<T>(call: (bounds: CallBounds) => Promise<T>, timeoutMs: number): Promise<T> {
    let latest: unknown = "nothing was answered";
    while (!giveUp.aborted) {
      try {
        const answer = await call({ timeoutMs });
        counts.known += 1;
        return answer;
      } catch (error) {
        if (!isUnknown(error)) {
          counts.known += 1;
          throw error;
        }
        latest = error;
        counts.unknown += 1;
        await sleep(pauseMs);
      }
    }
    throw new GivenUpError(`the answer stayed unknown: ${String(latest)}`);
  }

  return async (call, timeoutMs = timeoutDefaultMs) => {
    const settled = await Promise.allSettled(Array.from({ length: repeats }, () => untilKnown(call, timeoutMs)));
    const [first, ...others] = settled;
    for (const other of others) {
      if (meaningOf(other) !== meaningOf(first!)) {
        throw new Error(`the same request was answered with ${meaningOf(first!)} and with ${meaningOf(other)}`);
      }
    }
    if (first!.status === "rejected") throw first!.reason;
    return first!.value;
  };
}

/** Returns a refusal's reason, the code's name for an error without one, and rethrows what is no answer. */
export function refusalOf(error: unknown): string {
  if (!(error instanceof ConnectError)) throw error;
  return error.findDetails(ErrorInfoSchema)[0]?.reason ?? Code[error.code]!;
}

// Connect calls a connection that broke in ways it does not know INTERNAL; Node's error beneath it tells that from an answer.
function isUnknown(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  return comeBack.includes(error.code) || (error.cause as NodeJS.ErrnoException | undefined)?.code !== undefined;
}

/** Returns an answer as text, without what may go on while it is given: the same text is the same answer. */
export function textOf(answer: unknown): string {
  return JSON.stringify(answer, comparable);
}

function meaningOf(settled: PromiseSettledResult<unknown>): string {
  if (settled.status === "fulfilled") return textOf(settled.value);
  return settled.reason instanceof ConnectError ? refusalOf(settled.reason) : String(settled.reason);
}

// A refund goes on while the same request is answered several times.
function comparable(key: string, value: unknown): unknown {
  if (key === "done") return undefined;
  if (key === "state" && value === ReservationState.REFUNDED) return ReservationState.REFUNDING;
  return typeof value === "bigint" ? String(value) : value;
}
