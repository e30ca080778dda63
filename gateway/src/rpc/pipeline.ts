// What every public call goes through, whatever HTTP handler received it: admit → limit the address → authenticate → limit
// the customer → validate → limit the event → handle → map errors. The address comes first, so that guessing tokens is
// limited too; the event last, since only a validated id may become a key in memory.

import type { DescMethodUnary, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Role } from "#gen/boxoffice/edge/v1/session";
import { QueueFullError, TooLateError } from "#shared/batcher";
import type { Logger } from "#shared/logger";
import { invalidArgument } from "#shared/validate";
import type { EdgeMetrics } from "../edge-metrics.ts";
import { createLogThrottle } from "#shared/log-throttle";
import { rateLimited, type LimitName, type Limits } from "../limits/limits.ts";
import type { Admission, ShedReason } from "../overload/admission.ts";
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
  /** The call itself: whether the client is still there. */
  caller: EdgeCall;
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
) => Promise<MessageInitShape<M["output"]>>;

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

const roleNeeded = { organiser: Role.ORGANISER, gate: Role.GATE } as const;
const bearer = /^Bearer +(\S+)$/i;

/** Returns the pipeline. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { tokens, limits, admission, metrics, log, timeoutMaxMs } = options;
  const throttle = createLogThrottle(1_000);

  // Nothing to wait for is the common case, and costs no promise.
  function limit(name: LimitName, key: string): Promise<void> | undefined {
    const wait = limits.take(name, key);
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
    if ((access === "organiser" || access === "gate") && !session.roles.includes(roleNeeded[access])) {
      throw new ConnectError(`this needs the ${access} role`, Code.PermissionDenied);
    }
    return session;
  }

  return <M extends DescMethodUnary>(method: M, handler: EdgeHandler<M>): Invoke<M> => {
    const policy = policyOf(method);
    const path = `${method.parent.typeName}/${method.name}`;
    const observe = metrics.requestsOf(path);
    const limitsEvent = policy.limits.includes("event");
    const gate = admission.gateOf(policy);
    // Reservations are counted where they are answered together, by their batcher.
    const measured = policy.queue === "reads" ? admission.queues.reads : undefined;

    function failed(thrown: unknown, call: EdgeCall, at: { tookMs: number; isHandled: boolean }): ConnectError {
      const shed = shedReasonOf(thrown);
      const error = shed ? gate.turnAway(shed) : errorOf(thrown, call);
      if (at.isHandled && !isGivenUp(error)) measured?.completed(1, at.tookMs);
      observe(error.code, at.tookMs);
      if (error.code === Code.Internal || error.code === Code.Unavailable) {
        throttle((suppressed) => log.error({ event: "rpc.failed", method: path, error: thrown, suppressed }));
      }
      return error;
    }

    return async (message, call) => {
      const timeoutMs = Math.min(call.timeoutMs ?? policy.timeoutDefaultMs, timeoutMaxMs);
      const noRoom = gate.refusalOf(timeoutMs);
      if (noRoom) throw gate.turnAway(noRoom);
      const startedAt = performance.now();
      let isHandled = false;
      gate.enter();
      try {
        const deadlineAtMs = Date.now() + timeoutMs;
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
        isHandled = true;
        const answer = await handler(message, { session, deadlineAtMs, caller: call });
        const tookMs = performance.now() - startedAt;
        measured?.completed(1, tookMs);
        observe(undefined, tookMs);
        return answer;
      } catch (thrown) {
        throw failed(thrown, call, { tookMs: performance.now() - startedAt, isHandled });
      } finally {
        gate.leave();
      }
    };
  };
}

// Work that the batcher did not start.
function shedReasonOf(thrown: unknown): ShedReason | undefined {
  if (thrown instanceof QueueFullError) return "batch_queue";
  if (thrown instanceof TooLateError) return "late";
  return undefined;
}

// Nobody waited for the answer, so that there is none whose time could be taken.
function isGivenUp({ code }: ConnectError): boolean {
  return code === Code.DeadlineExceeded || code === Code.Canceled;
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
