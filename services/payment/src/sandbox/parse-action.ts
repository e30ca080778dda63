// What a POST asks the sandbox for.

import type { IncomingMessage } from "node:http";
import type { Action } from "./book.ts";
import { parseRef } from "./ref.ts";

/** A request that makes no sense. */
export type BadRequest = { status: 400 | 404; code: string };

const authorizations = "/v1/authorizations";
const authorizationPath = /^\/v1\/authorizations\/([\w.-]{1,200})\/(capture|void)$/;
const refundsPath = /^\/v1\/captures\/([\w.-]{1,200})\/refunds$/;
const referencePattern = /^[A-Za-z0-9-]{1,64}$/;
const idempotencyKeyPattern = /^[\x21-\x7e]{1,255}$/;

/** Returns the action and its idempotency key, or what is wrong. `body` is the JSON value, undefined where it is none. */
export function parseAction(
  request: Pick<IncomingMessage, "url" | "headers">,
  body: unknown,
): { idempotencyKey: string; action: Action } | BadRequest {
  const idempotencyKey = request.headers["idempotency-key"];
  if (typeof idempotencyKey !== "string" || !idempotencyKeyPattern.test(idempotencyKey)) {
    return { status: 400, code: "idempotency_key_missing" };
  }
  if (typeof body !== "object" || body === null) return { status: 400, code: "body_is_not_json" };
  const action = actionFrom(request.url ?? "", body as Record<string, unknown>);
  return "status" in action ? action : { idempotencyKey, action };
}

function actionFrom(path: string, body: Record<string, unknown>): Action | BadRequest {
  if (path === authorizations) return authorizeFrom(body);
  const [, ref, verb] = authorizationPath.exec(path) ?? [];
  if (verb === "void") {
    return referencePattern.test(ref!) ? { operation: "void", reference: ref! } : { status: 400, code: "reference" };
  }
  const [, captureRef] = refundsPath.exec(path) ?? [];
  const named = ref ?? captureRef;
  if (named === undefined) return { status: 404, code: "not_found" };
  const parsed = parseRef(named);
  if (!parsed || parsed.kind !== (verb ? "authorize" : "capture")) return { status: 404, code: "not_found" };
  const { reference } = parsed;
  return verb ? { operation: "capture", reference, ref: named } : refundFrom(body, { reference, ref: named });
}

function refundFrom(
  { amount, refund_id: refundId }: Record<string, unknown>,
  capture: { reference: string; ref: string },
) {
  if (refundId !== undefined && (typeof refundId !== "string" || !referencePattern.test(refundId))) {
    return badField("refund_id");
  }
  if (amount === undefined) return { operation: "refund" as const, ...capture, amount: undefined, refundId };
  if (typeof amount !== "number" || !Number.isSafeInteger(amount) || amount < 1) return badField("amount");
  return { operation: "refund" as const, ...capture, amount, refundId };
}

function authorizeFrom({ reference, amount, currency, payment_method: token, group }: Record<string, unknown>) {
  if (typeof reference !== "string" || !referencePattern.test(reference)) return badField("reference");
  if (typeof amount !== "number" || !Number.isSafeInteger(amount) || amount < 0) return badField("amount");
  if (typeof currency !== "string" || !/^[A-Z]{3}$/.test(currency)) return badField("currency");
  if (typeof token !== "string") return badField("payment_method");
  if (group !== undefined && (typeof group !== "string" || !referencePattern.test(group))) return badField("group");
  return { operation: "authorize" as const, reference, token, amount, currency, group };
}

function badField(code: string): BadRequest {
  return { status: 400, code };
}
