// How a webhook is signed: `t=<seconds>,v1=<HMAC-SHA-256 of "<seconds>.<body>" in hex>`, which is Stripe's scheme as well.
// Several v1 may stand in one header, so that secrets can be changed without a gap. https://docs.stripe.com/webhooks#verify-manually

import { createHmac, timingSafeEqual } from "node:crypto";

/** Oldest and newest signature that is believed, in seconds before and after now: a replay is worth nothing later. */
export const toleranceSeconds = 300;

const signaturesMax = 5;

/** Returns the header for a body. */
export function signWebhook(body: Uint8Array | string, { secret, atMs }: { secret: string; atMs: number }): string {
  const seconds = Math.floor(atMs / 1000);
  return `t=${seconds},v1=${macOf(body, seconds, secret).toString("hex")}`;
}

/** What is wrong with a signature; `stale` is one of another time, so that the sender's clock or this machine's is wrong. */
export type SignatureFault = "missing" | "malformed" | "stale" | "wrong";

/**
 * Returns undefined when the header was made for this very body with this secret, no more than 300 s ago, else what is wrong
 * with it. Takes the same time for all secrets.
 */
export function signatureFault(
  body: Uint8Array,
  header: string,
  { secret, nowMs }: { secret: string; nowMs: number },
): SignatureFault | undefined {
  if (header === "") return "missing";
  const parts = header.split(",").map((part) => part.trim().split("=", 2));
  const seconds = Number(parts.find(([name]) => name === "t")?.[1] ?? NaN);
  if (!Number.isSafeInteger(seconds)) return "malformed";
  const expected = macOf(body, seconds, secret);
  const isMade = parts
    .filter(([name]) => name === "v1")
    .slice(0, signaturesMax)
    .map(([, hex = ""]) => Buffer.from(hex, "hex"))
    .some((mac) => mac.length === expected.length && timingSafeEqual(mac, expected));
  if (!isMade) return "wrong";
  return Math.abs(nowMs / 1000 - seconds) > toleranceSeconds ? "stale" : undefined;
}

function macOf(body: Uint8Array | string, seconds: number, secret: string): Buffer {
  return createHmac("sha256", secret).update(`${seconds}.`).update(body).digest();
}
