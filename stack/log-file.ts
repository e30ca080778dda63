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

/** Returns a filter that lets the same note through once in `intervalMs`: a fault on every request must not bury the terminal. */
export function createThrottle(intervalMs = 10_000, notesMax = 1_000, now = Date.now): (note: string) => boolean {
  const shownAtMs = new Map<string, number>();
  return (note) => {
    const nowMs = now();
    if (nowMs - (shownAtMs.get(note) ?? -Infinity) < intervalMs) return false;
    if (shownAtMs.size >= notesMax) shownAtMs.clear();
    shownAtMs.set(note, nowMs);
    return true;
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
