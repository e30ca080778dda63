// OIDC id tokens, checked once at the door. Sources of the rules: OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725 (JSON Web
// Token Best Current Practices), section 3.11, on types.

import { createHash } from "node:crypto";
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from "jose";
import { Role } from "#gen/boxoffice/edge/v1/session";

/** What a checked id token says. */
export type Identity = { subject: string; roles: Role[] };

/** Outcome of a check: `unavailable` when the issuer's keys could not be fetched, so that nothing is known of the token. */
export type IdTokenOutcome =
  { kind: "verified"; identity: Identity } | { kind: "rejected" } | { kind: "unavailable"; cause: unknown };

/** Checks an id token. */
export type IdTokenVerifier = (idToken: string) => Promise<IdTokenOutcome>;

/** Whose tokens are good. */
export type IdTokenOptions = {
  issuer: string;
  audience: string;
  jwksUrl: string;
  /** Name of the claim that lists roles. */
  rolesClaim: string;
};

const algorithms = ["RS256", "PS256", "ES256", "EdDSA"];
const clockToleranceSeconds = 30;
const roleOfName = new Map([
  ["organiser", Role.ORGANISER],
  ["gate", Role.GATE],
]);

// What jose throws for tokens that are at fault themselves; anything else means that the keys could not be had.
const tokenFaults: (abstract new (...args: never[]) => Error)[] = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
];

/**
 * Returns a verifier. Keys are fetched on first use and kept for ten minutes; an unknown key id fetches them again, at most
 * every 30 seconds, so that forged tokens can't make the gateway hammer the issuer.
 */
export function createIdTokenVerifier(options: IdTokenOptions): IdTokenVerifier {
  const { issuer, audience, jwksUrl, rolesClaim } = options;
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: 3_000,
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
  });
  return async (idToken) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(idToken, keys, {
        issuer,
        audience,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ["sub", "exp", "iat"],
      });
      if (!isIdToken(protectedHeader.typ) || !isMeantForUs(payload, audience)) return { kind: "rejected" };
      if (typeof payload.sub !== "string" || payload.sub === "") return { kind: "rejected" };
      const identity = { subject: subjectOf(issuer, payload.sub), roles: rolesOf(payload[rolesClaim]) };
      return { kind: "verified", identity };
    } catch (error) {
      if (tokenFaults.some((Fault) => error instanceof Fault)) return { kind: "rejected" };
      return { kind: "unavailable", cause: error };
    }
  };
}

// The same issuer's keys sign access tokens (`at+jwt`, RFC 9068) and logout tokens too. Id tokens have no type of their own.
function isIdToken(type: string | undefined): boolean {
  return type === undefined || /^(application\/)?jwt$/i.test(type);
}

// A token with several audiences is in the hands of each; it is ours only where it was issued to us.
function isMeantForUs({ aud, azp }: JWTPayload, audience: string): boolean {
  return !Array.isArray(aud) || aud.length === 1 || azp === audience;
}

// An issuer's subjects may be anything, e-mail addresses too, and are unique only within the issuer: a digest of both is
// unique, fits every pattern and says nothing of the person.
function subjectOf(issuer: string, sub: string): string {
  return `oidc:${createHash("sha256")
    .update(JSON.stringify([issuer, sub]))
    .digest("base64url")}`;
}

function rolesOf(claim: unknown): Role[] {
  const names = Array.isArray(claim) ? claim : [claim];
  return [...roleOfName].filter(([name]) => names.includes(name)).map(([, role]) => role);
}
