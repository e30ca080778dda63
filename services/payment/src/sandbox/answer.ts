// What the sandbox answers.

import type { Authorization } from "./authorization.ts";
import { createRef } from "./ref.ts";

/** An HTTP status and a JSON body. */
export type Answer = { status: number; body: Record<string, unknown>; replayed?: true };

/** Returns the answer that something was done, or stands as it does, under the name `ref`. */
export function succeeded(status: number, authorization: Authorization, ref: string): Answer {
  return { status, body: { ref, status: authorization.status } };
}

/** Returns the answer that it was not done, and why. */
export function failed(status: number, code: string): Answer {
  return { status, body: { error: { code } } };
}

/** Returns how an authorisation stands, as the answer to who asked for it. `actionUrl` is where its customer acts. */
export function standingOf(authorization: Authorization, actionUrl: string): Answer {
  switch (authorization.status) {
    case "requires_action": {
      const { status, body } = succeeded(202, authorization, createRef("action", authorization));
      return { status, body: { ...body, action_url: actionUrl } };
    }
    case "authorized":
      return succeeded(201, authorization, createRef("authorize", authorization));
    case "declined":
      return failed(402, authorization.declineCode ?? "other");
    case "voided":
      return failed(402, "authorization_voided");
    case "captured":
    case "refunded":
    case "unknown":
      return failed(409, authorization.status);
  }
}
