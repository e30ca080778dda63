// Puts what several services told into one order.

import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Story, StoryEntry } from "#stubs";

/**
 * Returns the entries of all stories in one order. Each story's own order, which is that of cause and effect, is kept; between
 * stories the time decides, and of entries with the same time their kinds, whose numbers are in the order of cause and
 * effect. An entry without a time comes before the first one of a later kind, and before whatever its successor precedes.
 */
export function mergeEntries(stories: readonly Pick<Story, "entries">[]): StoryEntry[] {
  const rest = stories.map(({ entries }) => entries.map((entry, index) => headOf(entry, entries.slice(index + 1))));
  const merged: StoryEntry[] = [];
  for (;;) {
    const heads = rest.filter(({ length }) => length > 0);
    if (heads.length === 0) return merged;
    const timed = heads.filter(([head]) => head!.timeMs !== undefined).toSorted(([a], [b]) => byTime(a!, b!))[0];
    const untimed = heads.filter(([head]) => head!.timeMs === undefined).toSorted(([a], [b]) => byKind(a!, b!))[0];
    const next = timed && untimed ? (comesBefore(untimed[0]!, timed[0]!) ? untimed : timed) : (timed ?? untimed)!;
    merged.push(next.shift()!.entry);
  }
}

type Head = {
  entry: StoryEntry;
  /** Milliseconds since the epoch; undefined where the time is not kept. */
  timeMs: number | undefined;
  /** The time of the next entry of its story that has one. */
  noLaterThanMs: number;
};

function headOf(entry: StoryEntry, successors: readonly StoryEntry[]): Head {
  const next = successors.find(({ time }) => time !== undefined);
  return {
    entry,
    timeMs: entry.time && timestampMs(entry.time),
    noLaterThanMs: next ? timestampMs(next.time!) : Infinity,
  };
}

function comesBefore(untimed: Head, timed: Head): boolean {
  return untimed.entry.kind < timed.entry.kind || untimed.noLaterThanMs <= timed.timeMs!;
}

function byTime(a: Head, b: Head): number {
  return a.timeMs! - b.timeMs! || byKind(a, b);
}

function byKind(a: Head, b: Head): number {
  return a.entry.kind - b.entry.kind;
}
