// What every handler does with its call before it asks another service.

import type { CallOptions } from "#stubs";
import { Role } from "#gen/boxoffice/edge/v1/session";
import type { HandlerCall } from "./pipeline.ts";

/** Returns the bounds of a call to another service: what is left of the caller's time, and the caller's going away. */
export function boundsOf(call: HandlerCall): CallOptions {
  return { timeoutMs: Math.max(0, call.deadlineAtMs - Date.now()), signal: call.caller.signal };
}

/** Returns the customer's id; throws where the policy let somebody without a session through. */
export function customerOf(call: HandlerCall): string {
  if (!call.session) throw new Error("a method that needs a session was called without one");
  return call.session.subject;
}

/** True for organisers, who see drafts. */
export function isOrganiser(call: HandlerCall): boolean {
  return call.session?.roles.includes(Role.ORGANISER) ?? false;
}
