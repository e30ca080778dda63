// Session tokens: who is calling, signed with HMAC-SHA256. A cache of checked tokens would save little: buyers in a rush send
// a handful of requests each.
//
// token = base64url(payload) "." base64url(HMAC-SHA256(secret, base64url(payload)))

import { createHash, hash, timingSafeEqual } from "node:crypto";
import { type Role } from "#gen/boxoffice/edge/v1/session";

/** Who is calling. */
export type Session = {
  /** The customer's stable id. */
  subject: string;
  /** Roles beyond buying. */
  roles: Role[];
  /** Epoch milliseconds, whole seconds, from which on the session is over. */
  expiresAtMs: number;
};

/** Signs and checks tokens. */
export type SessionTokens = {
  /** Returns the session's token, signed with the current secret. */
  sign(session: Session): string;
  /** Returns the token's session, or undefined when the token is malformed, forged or expired. */
  verify(token: string, nowMs: number): Session | undefined;
};

type Payload = { kid: string; sub: string; roles: Role[]; exp: number };
type Key = { id: string; mac: (text: string) => string };

const tokenLengthMax = 1_024;
const macLength = 43;
const sha256BlockBytes = 64;
const sha256Bytes = 32;
/** Of each of a string's units. */
const utf8BytesMax = 3;

/** Signs with `secret` and accepts tokens of `previous` too, so that secrets can be rotated without logging anybody out. */
export function createSessionTokens(secret: string, previous?: string): SessionTokens {
  const current = keyOf(secret);
  const keys = previous === undefined ? [current] : [current, keyOf(previous)];

  return {
    sign({ subject, roles, expiresAtMs }) {
      const payload: Payload = { kid: current.id, sub: subject, roles, exp: Math.floor(expiresAtMs / 1_000) };
      const text = Buffer.from(JSON.stringify(payload)).toString("base64url");
      return `${text}.${current.mac(text)}`;
    },
    verify(token, nowMs) {
      const dot = token.length - macLength - 1;
      if (dot < 1 || token.length > tokenLengthMax || token[dot] !== ".") return undefined;
      const text = token.slice(0, dot);
      const mac = Buffer.from(token.slice(dot + 1), "latin1");
      // Nothing of the payload is looked at, not even its key id, before a MAC matches.
      const key = keys.find((each) => timingSafeEqual(Buffer.from(each.mac(text), "latin1"), mac));
      if (!key) return undefined;
      const payload = JSON.parse(Buffer.from(text, "base64url").toString()) as Payload;
      if (payload.kid !== key.id || payload.exp * 1_000 <= nowMs) return undefined;
      return { subject: payload.sub, roles: payload.roles, expiresAtMs: payload.exp * 1_000 };
    },
  };
}

// The id names the secret in a token, so that a log of failures or a rotation can tell which one signed it.
function keyOf(secret: string): Key {
  return {
    id: createHash("sha256").update(`boxoffice key id ${secret}`).digest("base64url").slice(0, 8),
    mac: createMac(secret),
  };
}

/**
 * Returns HMAC-SHA256 (RFC 2104) with this key, of texts no longer than a token, in base64url. Not `createHmac`: the
 * object that it makes for every text costs the process three times what the hashing does, mostly in garbage collection.
 */
export function createMac(secret: string): (text: string) => string {
  const key = Buffer.from(secret);
  const block = Buffer.alloc(sha256BlockBytes);
  (key.length > sha256BlockBytes ? createHash("sha256").update(key).digest() : key).copy(block);
  const inner = Buffer.alloc(
    sha256BlockBytes + utf8BytesMax * tokenLengthMax,
    block.map((byte) => byte ^ 0x36),
  );
  const outer = Buffer.alloc(
    sha256BlockBytes + sha256Bytes,
    block.map((byte) => byte ^ 0x5c),
  );
  return (text) => {
    const end = sha256BlockBytes + inner.write(text, sha256BlockBytes);
    outer.write(hash("sha256", inner.subarray(0, end), "binary"), sha256BlockBytes, "latin1");
    return hash("sha256", outer, "base64url");
  };
}
