// Two ways to send load. Closed loop: every connection sends its next request when the last is answered; finds capacity.
// Open loop: requests are due at a constant rate whatever the answers do, and a request's latency counts from the moment it
// was due, so that a stall is felt by everyone who would have come meanwhile ("coordinated omission").

import type { BookingRequest } from "./booking-requests.ts";
import type { Connection } from "./connection.ts";
import { answerName, createTally, type Tally } from "./tally.ts";

/** Where requests come from and go to. */
export type Drive = {
  connections: Connection[];
  nextRequest: () => BookingRequest;
  /** Told of every id that the server acknowledged. */
  onHeld: (reservationId: string) => void;
};

/** What was sent. */
export type DriveResult = { tally: Tally; elapsedMs: number };

/** Sends until `requestsMax` requests were sent or `durationMs` has passed; resolves when every answer is there. */
export function driveClosed(
  { connections, nextRequest, onHeld }: Drive,
  limits: { requestsMax: number; durationMs: number },
  onProgress: (answered: number) => void = () => {},
): Promise<DriveResult> {
  const tally = createTally();
  const startedAt = performance.now();
  const endAt = startedAt + limits.durationMs;
  let sent = 0;
  let answered = 0;
  let running = connections.length;
  return new Promise((resolve) => {
    const sendNext = (connection: Connection) => {
      const sentAt = performance.now();
      if (sent >= limits.requestsMax || sentAt >= endAt) {
        running -= 1;
        if (running === 0) resolve({ tally, elapsedMs: performance.now() - startedAt });
        return;
      }
      sent += 1;
      const { reservationId, bytes } = nextRequest();
      connection.send(bytes, (status, body) => {
        const answer = answerName(status, body);
        tally.add(answer, (performance.now() - sentAt) * 1_000);
        if (status === 200) onHeld(reservationId);
        answered += 1;
        if (answered % 1_000 === 0) onProgress(answered);
        sendNext(connection);
      });
    };
    connections.forEach(sendNext);
  });
}

/** Sends `ratePerSecond` for `durationMs`; what is due while no connection is free waits, and its latency runs. */
export function driveOpen(
  { connections, nextRequest, onHeld }: Drive,
  limits: { ratePerSecond: number; durationMs: number },
): Promise<DriveResult> {
  const tally = createTally();
  const free = [...connections];
  const startedAt = performance.now();
  const total = Math.floor((limits.ratePerSecond * limits.durationMs) / 1_000);
  const dueAt = (index: number) => startedAt + (index * 1_000) / limits.ratePerSecond;
  let sent = 0;
  let answered = 0;
  return new Promise((resolve) => {
    const sendDue = () => {
      const now = performance.now();
      while (sent < total && free.length > 0 && dueAt(sent) <= now) {
        const connection = free.pop()!;
        const due = dueAt(sent);
        sent += 1;
        const { reservationId, bytes } = nextRequest();
        connection.send(bytes, (status, body) => {
          tally.add(answerName(status, body), (performance.now() - due) * 1_000);
          if (status === 200) onHeld(reservationId);
          free.push(connection);
          answered += 1;
          if (answered === total) {
            clearInterval(timer);
            resolve({ tally, elapsedMs: performance.now() - startedAt });
          } else sendDue();
        });
      }
    };
    const timer = setInterval(sendDue, 1);
    sendDue();
  });
}
