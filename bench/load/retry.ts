// Which answers are not final: a buyer who is told to come back does so, with the same id, after the time that the answer says.

/** Milliseconds to wait after an answer that says nothing of it. */
const unknownOutcomeWaitMs = 100;
const busyWaitMs = 1_000;
const busy = new Set(["OVERLOADED", "RATE_LIMITED", "IN_PROGRESS"]);
const retryDelay = /"retryDelay":"([0-9.]+)s"/;

/** Returns the milliseconds after which the buyer asks again; undefined where the answer is final. */
export function retryAfterMs(answer: string, body: Buffer): number | undefined {
  if (busy.has(answer)) {
    const seconds = retryDelay.exec(body.toString("latin1"))?.[1];
    return seconds === undefined ? busyWaitMs : Number(seconds) * 1_000;
  }
  return isUnknown(answer) ? unknownOutcomeWaitMs : undefined;
}

/** True for answers after which nobody knows what became of the request: it may have been carried out. */
export function isUnknown(answer: string): boolean {
  return answer === "broken" || answer === "unanswered" || answer.startsWith("http_5");
}
