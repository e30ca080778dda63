// Numbers as people read them.

import type { Unit } from "../goals.ts";
import { spreadOf } from "../statistics.ts";

/** Returns three significant digits, thousands apart, never fewer than the whole number: `12,345`, `0.953`. */
export function numberText(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toLocaleString("en", { maximumFractionDigits: Math.min(digits, 4) });
}

/** Returns the value with its unit: `12,345/s`, `3.2 ms`. */
export function quantityText(value: number, unit: Unit): string {
  return unit === "/s" ? `${numberText(value)}/s` : `${numberText(value)} ${unit}`;
}

/** Returns `median (low – high, n rounds)`; `—` for no values. */
export function spreadText(values: readonly number[], unit: Unit): string {
  const spread = spreadOf(values);
  if (!spread) return "—";
  const { median, low, high, count } = spread;
  if (count === 1) return `${quantityText(median, unit)} (1 round)`;
  return `${quantityText(median, unit)} (${numberText(low)} – ${numberText(high)}, ${count} rounds)`;
}

/** Returns `lowest – highest`, or the one value that all have; `—` for no values. */
export function rangeText(values: readonly number[]): string {
  const spread = spreadOf(values);
  if (!spread) return "—";
  const { low, high } = spread;
  return low === high ? numberText(low) : `${numberText(low)} – ${numberText(high)}`;
}

/** Returns the minute of a time in ISO 8601: `2026-11-21 16:24`. */
export function minuteText(iso: string): string {
  return iso.slice(0, 16).replace("T", " ");
}
