import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { SessionService } from "#gen/boxoffice/edge/v1/session";
import { assertNever } from "#shared/assert-never";
import type { OpenedSession, SessionOpener } from "../session/session-opener.ts";
import { unauthenticated } from "./errors.ts";
import type { EdgeHandlers } from "./pipeline.ts";

/** Returns the handlers of SessionService. */
export function createSessionHandlers(sessions: SessionOpener): EdgeHandlers<typeof SessionService> {
  return {
    createGuestSession: async () => ({ session: messageOf(sessions.openGuest(Date.now())) }),
    exchangeIdToken: async ({ idToken }) => {
      const outcome = await sessions.exchange(idToken, Date.now());
      switch (outcome.kind) {
        case "opened":
          return { session: messageOf(outcome.session) };
        case "rejected":
          throw unauthenticated("the id token is malformed, expired, or meant for somebody else");
        case "unavailable":
          throw new ConnectError(
            "the identity provider can't be reached: try again",
            Code.Unavailable,
            undefined,
            undefined,
            outcome.cause,
          );
        case "notConfigured":
          throw new ConnectError("no identity provider is configured here", Code.Unimplemented);
        default:
          return assertNever(outcome);
      }
    },
  };
}

function messageOf({ token, subject, expiresAtMs, roles }: OpenedSession) {
  return { sessionToken: token, customerId: subject, expireTime: timestampFromMs(expiresAtMs), roles };
}
