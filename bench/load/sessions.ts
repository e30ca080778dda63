// Sessions of simulated buyers, signed ahead as the gateway would sign them: buyers have theirs before the sale opens.

import { createSessionTokens } from "../../gateway/src/session/session-token.ts";

/** Whose sessions to sign. */
export type SessionWishes = { sessionSecret: string; sessionCount: number; firstCustomer: number };

/**
 * Returns the token of the customer with this number; numbers past `sessionCount` begin again. All tokens lie in one block
 * of bytes: a million strings would keep the garbage collector busy while it measures.
 */
export function createSessions({
  sessionSecret,
  sessionCount,
  firstCustomer,
}: SessionWishes): (number: number) => string {
  const { sign } = createSessionTokens(sessionSecret);
  const expiresAtMs = Math.floor(Date.now() / 1_000) * 1_000 + 3_600_000;
  const tokenOf = (index: number) => {
    const customer = String(firstCustomer + index).padStart(12, "0");
    return sign({ subject: `guest:bench-${customer}`, roles: [], expiresAtMs });
  };
  const { length } = tokenOf(0);
  const tokens = Buffer.allocUnsafe(length * sessionCount);
  for (let index = 0; index < sessionCount; index += 1) tokens.write(tokenOf(index), index * length, "latin1");
  return (number) => {
    const at = (number % sessionCount) * length;
    return tokens.toString("latin1", at, at + length);
  };
}
