// The log of one process of the stack, and what of it is worth showing at once.

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";

/** Takes lines. */
export type LogFile = { write(line: string): void; close(): void };

/** Opens an empty log. At `bytesMax` it starts over, so that a stack left running for weeks fills no disk. */
export function createLogFile(path: string, bytesMax = 32 << 20): LogFile {
  const file = openSync(path, "w");
  let position = 0;
  return {
    write(line) {
      if (position > bytesMax) {
        ftruncateSync(file, 0);
        position = 0;
      }
      position += writeSync(file, `${line}\n`, position);
    },
    close: () => closeSync(file),
  };
}

/**
 * Returns a short form of a log line that its reader should see at once, a warning or an error, or undefined. Text that is
 * not a log line is left to the log: when it tells of a crash, the crash itself is told.
 */
export function noteworthy(line: string): string | undefined {
  const entry = parseEntry(line);
  const level = entry?.["level"];
  if (!entry || (level !== "warn" && level !== "error" && level !== "fatal")) return undefined;
  const error = entry["error"] as { message?: unknown } | undefined;
  return [level, entry["event"], entry["msg"], error?.message].filter((part) => typeof part === "string").join("  ");
}

/** How a throttle lets the same note through again. */
type ThrottleOptions = { intervalMs?: number; intervalMsMax?: number; notesMax?: number; now?: () => number };

/**
 * Returns a filter that shows the same note at once, then after 10 s, 20 s, 40 s …, at last every ten minutes, with how often
 * it came since: a fault on every request must not bury the terminal. A note that stays away for ten minutes is new again.
 * Undefined where a note is held back.
 */
export function createThrottle(options: ThrottleOptions = {}): (note: string) => string | undefined {
  const { intervalMs = 10_000, intervalMsMax = 600_000, notesMax = 1_000, now = Date.now } = options;
  const seen = new Map<string, { shownAtMs: number; cameAtMs: number; waitMs: number; times: number }>();
  return (note) => {
    const nowMs = now();
    const known = seen.get(note);
    if (!known || nowMs - known.cameAtMs >= intervalMsMax) {
      if (seen.size >= notesMax) seen.clear();
      seen.set(note, { shownAtMs: nowMs, cameAtMs: nowMs, waitMs: intervalMs, times: 0 });
      return note;
    }
    known.cameAtMs = nowMs;
    known.times += 1;
    if (nowMs - known.shownAtMs < known.waitMs) return undefined;
    const { times } = known;
    Object.assign(known, { shownAtMs: nowMs, waitMs: Math.min(known.waitMs * 2, intervalMsMax), times: 0 });
    return times === 1 ? note : `${note}  (${times} times since it was last shown)`;
  };
}

function parseEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
