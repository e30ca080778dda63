// What the sandbox knows and does: authorisations, idempotency keys, and counts of what really happened. Knows no HTTP.

import { behaviourOf, type Operation } from "./behaviour.ts";
import { BoundedMap } from "./bounded-map.ts";
import { createRef, parseRef } from "./ref.ts";

/** An authorisation and what became of it. */
export type Authorization = {
  /** The client's name for it. */
  reference: string;
  /** Empty when it was voided before it arrived. */
  token: string;
  amount: number;
  currency: string;
  status: "unknown" | "authorized" | "declined" | "captured" | "voided" | "refunded";
  /** Paid back so far; `refunded` once that is all. */
  refundedAmount: number;
  /** How often each thing was really done, replays not counted. */
  done: Record<Operation, number>;
};

/** One thing to do. */
export type Action = { reference: string } & (
  | { operation: "authorize"; token: string; amount: number; currency: string }
  | { operation: "capture"; ref: string }
  /** Without an amount it is whatever is left. */
  | { operation: "refund"; ref: string; amount: number | undefined }
  | { operation: "void" }
);

/** An HTTP status and a JSON body. */
export type Answer = { status: number; body: Record<string, unknown>; replayed?: true };

/** How often each thing was really done, and how often an answer was given again. */
export type Stats = Record<"authorizations" | "declines" | "captures" | "voids" | "refunds" | "replays", number>;

/** The sandbox's memory. */
export type Book = {
  /** Acts once for each idempotency key; the same key with another action is refused with 422. */
  act(idempotencyKey: string, action: Action): Answer;
  /** Returns the authorisation that a ref or reference names; one that was forgotten comes back from its ref. */
  find(refOrReference: string): Authorization | undefined;
  /** How many calls of this operation there have been, this one included. */
  countCall(operation: Operation, reference: string): number;
  readonly stats: Stats;
};

/** Returns an empty book of at most `recordsMax` authorisations, and as many keys for each operation. */
export function createBook(recordsMax: number): Book {
  const authorizations = new BoundedMap<string, Authorization>(recordsMax);
  const answers = new BoundedMap<string, { fingerprint: string; answer: Answer }>(recordsMax * 4);
  const calls = new BoundedMap<string, number>(recordsMax * 4);
  const stats: Stats = { authorizations: 0, declines: 0, captures: 0, voids: 0, refunds: 0, replays: 0 };

  // Refs say what they stand for, so a payment that was evicted, or authorised before a restart, can still be captured
  // or refunded: a development stack keeps its database longer than the sandbox keeps its memory.
  function find(refOrReference: string): Authorization | undefined {
    const parsed = parseRef(refOrReference);
    const known = authorizations.get(parsed?.reference ?? refOrReference);
    if (known || !parsed) return known;
    const status = parsed.kind === "capture" ? "captured" : "authorized";
    return add({ ...parsed, status, refundedAmount: 0, done: { ...nothingDone } });
  }

  function add(authorization: Authorization): Authorization {
    authorizations.set(authorization.reference, authorization);
    return authorization;
  }

  function perform(action: Action): Answer {
    switch (action.operation) {
      case "authorize":
        return authorize(action);
      case "void":
        return voidOf(action.reference);
      case "capture":
        return capture(find(action.ref));
      case "refund":
        return refund(find(action.ref), action.amount);
    }
  }

  function authorize(action: Action & { operation: "authorize" }): Answer {
    const known = authorizations.get(action.reference);
    if (known) return known.status === "voided" ? failed(402, "authorization_voided") : failed(409, "reference_in_use");
    const { reference, token, amount, currency } = action;
    const behaviour = behaviourOf(token);
    const code = behaviour ? behaviour.declines?.authorize : "invalid_token";
    const status = code === undefined ? "authorized" : "declined";
    const authorization = add({
      ...{ reference, token, amount, currency, status, refundedAmount: 0 },
      done: { ...nothingDone },
    });
    if (code !== undefined) {
      stats.declines += 1;
      return failed(402, code);
    }
    authorization.done.authorize += 1;
    stats.authorizations += 1;
    return succeeded(201, authorization, createRef("authorize", authorization));
  }

  function capture(authorization: Authorization | undefined): Answer {
    if (!authorization) return failed(404, "not_found");
    if (authorization.status !== "authorized") return failed(409, authorization.status);
    const code = behaviourOf(authorization.token)?.declines?.capture;
    if (code !== undefined) {
      stats.declines += 1;
      return failed(402, code);
    }
    authorization.status = "captured";
    authorization.done.capture += 1;
    stats.captures += 1;
    return succeeded(200, authorization, createRef("capture", authorization));
  }

  // A reference that nobody has authorised yet is dead from now on: the authorisation may still be on its way.
  function voidOf(reference: string): Answer {
    const authorization =
      authorizations.get(reference) ??
      add({
        ...{ reference, token: "", amount: 0, currency: "", status: "unknown", refundedAmount: 0 },
        done: { ...nothingDone },
      });
    if (authorization.status === "captured" || authorization.status === "refunded") {
      return failed(409, authorization.status);
    }
    if (authorization.status !== "voided") {
      authorization.status = "voided";
      authorization.done.void += 1;
      stats.voids += 1;
    }
    return succeeded(200, authorization, createRef("void", authorization));
  }

  function refund(authorization: Authorization | undefined, asked: number | undefined): Answer {
    if (!authorization) return failed(404, "not_found");
    const left = authorization.amount - authorization.refundedAmount;
    const amount = asked ?? left;
    if (authorization.status !== "captured") return failed(409, authorization.status);
    if (amount > left) return failed(409, "amount_too_large");
    authorization.refundedAmount += amount;
    if (authorization.refundedAmount === authorization.amount) authorization.status = "refunded";
    authorization.done.refund += 1;
    stats.refunds += 1;
    return succeeded(200, authorization, createRef("refund", authorization));
  }

  return {
    act(idempotencyKey, action) {
      const fingerprint = JSON.stringify(action);
      const known = answers.get(idempotencyKey);
      if (known) {
        if (known.fingerprint !== fingerprint) return labelled(action, failed(422, "idempotency_key_reused"));
        stats.replays += 1;
        return { ...known.answer, replayed: true };
      }
      const answer = labelled(action, perform(action));
      answers.set(idempotencyKey, { fingerprint, answer });
      return answer;
    },
    find,
    countCall(operation, reference) {
      const key = `${operation} ${reference}`;
      const count = (calls.get(key) ?? 0) + 1;
      calls.set(key, count);
      return count;
    },
    stats,
  };
}

const nothingDone: Authorization["done"] = { authorize: 0, capture: 0, void: 0, refund: 0 };

function succeeded(status: number, authorization: Authorization, ref: string): Answer {
  return { status, body: { ref, status: authorization.status } };
}

function failed(status: number, code: string): Answer {
  return { status, body: { error: { code } } };
}

// Every answer names what was asked, so that a client can tell it from an answer to something else.
function labelled({ operation, reference }: Action, { status, body }: Answer): Answer {
  return { status, body: { operation, reference, ...body } };
}
