// Opens sessions: for guests, and for people whose identity provider vouches for them.

import { randomUUID } from "node:crypto";
import type { IdTokenOutcome, IdTokenVerifier } from "./id-token.ts";
import type { Session, SessionTokens } from "./session-token.ts";

/** A session with the token that proves it. */
export type OpenedSession = Session & { token: string };

/** Outcome of an exchange. */
export type ExchangeOutcome =
  | { kind: "opened"; session: OpenedSession }
  | Exclude<IdTokenOutcome, { kind: "verified" }>
  | { kind: "notConfigured" };

/** Opens sessions. */
export type SessionOpener = {
  /** Returns the session of a new customer. */
  openGuest(nowMs: number): OpenedSession;
  /** Returns the session of whoever the id token names. */
  exchange(idToken: string, nowMs: number): Promise<ExchangeOutcome>;
};

/**
 * Sessions live for `ttlMs`, those that carry roles for `roleTtlMs`: a role that the provider takes away works on until its
 * session ends.
 */
export function createSessionOpener(options: {
  tokens: SessionTokens;
  verifyIdToken: IdTokenVerifier | undefined;
  ttlMs: number;
  roleTtlMs: number;
}): SessionOpener {
  const { tokens, verifyIdToken, ttlMs, roleTtlMs } = options;
  const open = (subject: string, roles: Session["roles"], nowMs: number): OpenedSession => {
    const lifetimeMs = roles.length > 0 ? roleTtlMs : ttlMs;
    const session = { subject, roles, expiresAtMs: Math.floor((nowMs + lifetimeMs) / 1_000) * 1_000 };
    return { ...session, token: tokens.sign(session) };
  };
  return {
    openGuest: (nowMs) => open(`guest:${randomUUID()}`, [], nowMs),
    async exchange(idToken, nowMs) {
      if (!verifyIdToken) return { kind: "notConfigured" };
      const outcome = await verifyIdToken(idToken);
      if (outcome.kind !== "verified") return outcome;
      const { subject, roles } = outcome.identity;
      return { kind: "opened", session: open(subject, roles, nowMs) };
    },
  };
}
