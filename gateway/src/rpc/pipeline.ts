// What every public call goes through, whatever HTTP handler received it: admit → limit the address → authenticate → limit
// the customer → validate → limit the event → handle → map errors. The address comes first, so that guessing tokens is
// limited too; the event last, since only a validated id may become a key in memory.

import {
  create,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Role } from "#gen/boxoffice/edge/v1/session";
import type { Logger } from "#shared/logger";
import { invalidArgument } from "#shared/validate";
import { overloaded, type Admission } from "../admission.ts";
import type { EdgeMetrics } from "../edge-metrics.ts";
import { createLogThrottle } from "../log-throttle.ts";
import { rateLimited, type LimitName, type Limits } from "../limits/limits.ts";
import { policyOf, type MethodPolicy } from "../policy.ts";
import type { Session, SessionTokens } from "../session/session-token.ts";
import { edgeErrorFromRefusal, edgeErrorFromThrown, unauthenticated } from "./errors.ts";

/** What an HTTP handler knows of a call. */
export type EdgeCall = {
  /** Address of the client, as limits count it. */
  address: string;
  /** The `authorization` header. */
  authorization: string | null | undefined;
  /** Milliseconds that the client gives the call; undefined where it did not say. */
  timeoutMs: number | undefined;
  /** True once the client has gone away. */
  isGone: () => boolean;
  /** Aborts when the client goes away. May be made on first use: the hottest method asks `isGone` instead. */
  readonly signal: AbortSignal;
};

/** What a method's handler knows of its call. */
export type HandlerCall = {
  /** Who is calling; undefined for callers of public methods who have no session. */
  session: Session | undefined;
  /** Epoch milliseconds after which nobody waits for the answer. */
  deadlineAtMs: number;
  /** True once the client has gone away. */
  isGone: () => boolean;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
};

/** Answers one public method; throws ConnectError for what is not an OK answer. */
export type EdgeHandler<M extends DescMethodUnary> = (
  request: MessageShape<M["input"]>,
  call: HandlerCall,
) => Promise<MessageInitShape<M["output"]>>;

/** One handler for each method of a service, by local name. */
export type EdgeHandlers<S extends DescService> = {
  [K in keyof S["method"]]: S["method"][K] extends DescMethodUnary ? EdgeHandler<S["method"][K]> : never;
};

/** A method with everything around it. Throws ConnectError, and nothing else. */
export type Invoke<M extends DescMethodUnary> = (
  message: MessageShape<M["input"]>,
  call: EdgeCall,
) => Promise<MessageShape<M["output"]>>;

/** What the pipeline works with. */
export type PipelineOptions = {
  tokens: SessionTokens;
  limits: Limits;
  admission: Admission;
  metrics: EdgeMetrics;
  log: Logger;
  /** Longest time for any call, in milliseconds. */
  timeoutMaxMs: number;
};

/** Puts handlers behind the pipeline. */
export type Pipeline = <M extends DescMethodUnary>(method: M, handler: EdgeHandler<M>) => Invoke<M>;

const bearer = /^Bearer +(\S+)$/i;

/** Returns the pipeline. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { tokens, limits, admission, metrics, log, timeoutMaxMs } = options;
  const throttle = createLogThrottle(1_000);

  // Nothing to wait for is the common case, and costs no promise.
  function limit(name: LimitName, key: string): Promise<void> | undefined {
    const wait = limits.take(name, key, Date.now());
    return wait === 0 ? undefined : refuseOver(name, wait);
  }

  async function refuseOver(name: LimitName, wait: number | Promise<number>): Promise<void> {
    const retryAfterMs = await wait;
    if (retryAfterMs === 0) return;
    metrics.rateLimited(name);
    throw edgeErrorFromRefusal(rateLimited(name, retryAfterMs));
  }

  function authenticate(authorization: EdgeCall["authorization"], access: MethodPolicy["access"]): Session | undefined {
    if (!authorization) {
      if (access === "public") return undefined;
      throw unauthenticated("this needs a session: send its token as authorization: Bearer <session_token>");
    }
    const token = bearer.exec(authorization)?.[1];
    const session = token === undefined ? undefined : tokens.verify(token, Date.now());
    if (!session) throw unauthenticated("the session token is malformed or expired: open a new session");
    if (access === "organiser" && !session.roles.includes(Role.ORGANISER)) {
      throw new ConnectError("this needs the organiser role", Code.PermissionDenied);
    }
    return session;
  }

  return <M extends DescMethodUnary>(method: M, handler: EdgeHandler<M>): Invoke<M> => {
    const policy = policyOf(method);
    const path = `${method.parent.typeName}/${method.name}`;
    const observe = metrics.requestsOf(path);
    const limitsEvent = policy.limits.includes("event");

    async function run(message: MessageShape<M["input"]>, call: EdgeCall): Promise<MessageShape<M["output"]>> {
      const deadlineAtMs = Date.now() + Math.min(call.timeoutMs ?? policy.timeoutDefaultMs, timeoutMaxMs);
      const overAddress = limit("address", call.address);
      if (overAddress) await overAddress;
      const session = authenticate(call.authorization, policy.access);
      for (const name of policy.limits) {
        const key = keyOf(name, call, session);
        const over = key === undefined ? undefined : limit(name, key);
        if (over) await over;
      }
      const refusal = invalidArgument(method.input, message);
      if (refusal) throw edgeErrorFromRefusal(refusal);
      const overEvent = limitsEvent ? limit("event", eventIdOf(message)) : undefined;
      if (overEvent) await overEvent;
      const answer = await handler(message, {
        session,
        deadlineAtMs,
        isGone: call.isGone,
        get signal() {
          return call.signal;
        },
      });
      return create(method.output, answer) as MessageShape<M["output"]>;
    }

    return async (message, call) => {
      const startedAt = performance.now();
      const admitted = admission.enter(policy.priority);
      try {
        if (!admitted) throw edgeErrorFromRefusal(overloaded());
        const answer = await run(message, call);
        observe(undefined, performance.now() - startedAt);
        return answer;
      } catch (thrown) {
        const error = errorOf(thrown, call);
        observe(error.code, performance.now() - startedAt);
        if (error.code === Code.Internal || error.code === Code.Unavailable) {
          throttle((suppressed) => log.error({ event: "rpc.failed", method: path, error: thrown, suppressed }));
        }
        throw error;
      } finally {
        if (admitted) admission.leave();
      }
    };
  };
}

// The same UUID may be written in capitals.
function eventIdOf(message: unknown): string {
  return (message as { eventId: string }).eventId.toLowerCase();
}

// A client that went away reads no answer, and its call failed through nobody's fault.
function errorOf(thrown: unknown, call: EdgeCall): ConnectError {
  const error = edgeErrorFromThrown(thrown);
  if (error.code !== Code.Unavailable || !call.isGone()) return error;
  return new ConnectError("the call was cancelled", Code.Canceled, undefined, undefined, thrown);
}

function keyOf(name: LimitName, call: EdgeCall, session: Session | undefined): string | undefined {
  switch (name) {
    case "address":
    case "sessions_per_address":
      return call.address;
    case "session":
    case "operations":
      return session?.subject;
    case "event":
      return undefined;
  }
}
