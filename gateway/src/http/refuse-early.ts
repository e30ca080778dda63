// A call for which there is no room is refused before its body is read, so that refusing ten costs less than answering one.
// What is left of the request is discarded by Node once the answer is sent, and the connection serves on.

import type { Gate } from "../overload/admission.ts";
import { leanCallOf, timeoutOf } from "./lean-unary.ts";
import { replyOfError, sendReply } from "./prepared-errors.ts";
import type { HttpRequest } from "./read-body.ts";
import type { HttpResponse } from "./replies.ts";

/**
 * Refuses a plain unary call where its gate says so; returns whether it did. Others are refused by the pipeline.
 * `timeoutDefaultMs` is the time of a call that names none.
 */
export function refuseEarly(
  gate: Gate,
  timeoutDefaultMs: number,
  request: HttpRequest,
  response: HttpResponse,
): boolean {
  const { timeoutMs = timeoutDefaultMs, error } = timeoutOf(request);
  // Not even a call: what is wrong with it is said, as where there is room.
  if (error) return false;
  const noRoom = gate.refusalOf(timeoutMs);
  const call = noRoom && leanCallOf(request, response);
  if (!call) return false;
  sendReply(call.response, replyOfError(gate.turnAway(noRoom)));
  return true;
}
