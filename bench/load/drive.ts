// Two ways to send load. Closed loop: every connection sends its next request when the last is answered; finds capacity.
// Open loop: requests are due at a constant rate whatever the answers do, and a request's latency counts from the moment it
// was due, so that a stall is felt by everyone who would have come meanwhile ("coordinated omission"). An infinite rate is
// a rush: everything is due at once.

import type { Connection } from "./connection.ts";
import type { LoadRequest, RequestSource } from "./requests.ts";
import { retryAfterMs } from "./retry.ts";
import { answerName, createTally, type Counts, type Tally } from "./tally.ts";

/** Where requests come from and go to. */
export type Drive = {
  connections: Connection[];
  nextRequest: RequestSource;
  /** What a 200 is called. */
  okName: string;
  /** How often a request is sent at most; past 1, answers that ask the buyer to come back are not final. */
  triesMax: number;
  /** Told of every request that was answered with a 200. */
  onOk: (request: LoadRequest) => void;
  /** Told how many final answers there are, now and then. */
  onProgress?: (answered: number) => void;
};

/** What was sent. */
export type DriveResult = {
  /** Final answers. */
  tally: Tally;
  /** Answers that were not final. */
  again: Counts;
  /** How late requests left, of an open loop: for want of a free connection, or of the generator's own time. */
  lateness: Tally;
  elapsedMs: number;
};

/** Sends until `requestsMax` requests were sent or `durationMs` has passed; resolves when every answer is there. */
export function driveClosed(drive: Drive, limits: { requestsMax: number; durationMs: number }): Promise<DriveResult> {
  const { connections, nextRequest } = drive;
  const book = createBook(drive);
  const endAt = book.startedAt + limits.durationMs;
  let sent = 0;
  let running = connections.length;
  return new Promise((resolve) => {
    const sendNext = (connection: Connection) => {
      const sentAt = performance.now();
      if (sent >= limits.requestsMax || sentAt >= endAt) {
        running -= 1;
        if (running === 0) resolve(book.result());
        return;
      }
      sent += 1;
      send(connection, { request: nextRequest(), dueAt: sentAt, tries: 0 });
    };
    const send = (connection: Connection, turn: Turn) =>
      connection.send(bytesOf(turn), (status, body) => {
        const waitMs = book.answer(turn, status, body);
        if (waitMs === undefined) sendNext(connection);
        else setTimeout(() => send(connection, turn), waitMs);
      });
    connections.forEach(sendNext);
  });
}

/** Sends `requests` at `ratePerSecond`; what is due while no connection is free waits, and its latency runs. */
export function driveOpen(drive: Drive, limits: { ratePerSecond: number; requests: number }): Promise<DriveResult> {
  const { connections, nextRequest } = drive;
  const { ratePerSecond, requests } = limits;
  const book = createBook(drive);
  const free = [...connections];
  const comeBack: Turn[] = [];
  let sent = 0;
  let answered = 0;
  const nextTurn = (now: number): Turn | undefined => {
    const dueAt = book.startedAt + (sent * 1_000) / ratePerSecond;
    if (sent === requests || dueAt > now) return comeBack.shift();
    sent += 1;
    book.lateness.add("late", (now - dueAt) * 1_000, 0);
    return { request: nextRequest(), dueAt, tries: 0 };
  };
  return new Promise((resolve) => {
    const sendDue = () => {
      while (free.length > 0) {
        const turn = nextTurn(performance.now());
        if (!turn) return;
        send(free.pop()!, turn);
      }
    };
    const send = (connection: Connection, turn: Turn) =>
      connection.send(bytesOf(turn), (status, body) => {
        free.push(connection);
        const waitMs = book.answer(turn, status, body);
        if (waitMs === undefined) answered += 1;
        else setTimeout(() => comeBack.push(turn), waitMs);
        if (answered < requests) return sendDue();
        clearInterval(timer);
        resolve(book.result());
      });
    // A turn of a millisecond: finer ones would take processor time from what is measured.
    const timer = setInterval(sendDue, 1);
    sendDue();
  });
}

type Turn = { request: LoadRequest; dueAt: number; tries: number };

function bytesOf({ request, tries }: Turn): string {
  return tries === 0 ? request.bytes : request.again();
}

// Writes answers down; says after how many milliseconds the buyer asks again, undefined where the answer is final.
function createBook({ okName, triesMax, onOk, onProgress = () => {} }: Drive) {
  const tally = createTally();
  const lateness = createTally();
  const again: Counts = {};
  const startedAt = performance.now();
  let answered = 0;
  return {
    startedAt,
    lateness,
    answer(turn: Turn, status: number, body: Buffer): number | undefined {
      const answer = answerName(status, body, { okName, request: turn.request });
      turn.tries += 1;
      const waitMs = turn.tries < triesMax ? retryAfterMs(answer, body) : undefined;
      if (waitMs !== undefined) {
        again[answer] = (again[answer] ?? 0) + 1;
        return waitMs;
      }
      const now = performance.now();
      tally.add(answer, (now - turn.dueAt) * 1_000, now - startedAt);
      if (answer === okName) onOk(turn.request);
      answered += 1;
      if (answered % 1_000 === 0) onProgress(answered);
      return undefined;
    },
    result: (): DriveResult => ({ tally, again, lateness, elapsedMs: performance.now() - startedAt }),
  };
}
