// A TCP relay between two parts of the system that can harm what passes through it. Loads are small here, so it holds
// nobody back who writes faster than the other side reads.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** From the caller to the callee, or back. */
export type Direction = "up" | "down";

/** What the proxy has done to its traffic since `heal`. */
export type Harm = {
  /** Bytes that came late, were lost, or were held back. */
  bytes: number;
  /** Connections that were reset. */
  connections: number;
};

/** A running proxy. */
export type Proxy = {
  /** Where callers connect. */
  port: number;
  /** Says where the callee listens, on 127.0.0.1; again when it has moved. */
  pointTo(port: number): void;
  /** Everything takes `ms` longer, each way. */
  delay(ms: number): void;
  /** Resets every connection. */
  reset(): void;
  /**
   * Nothing arrives in this direction any more, not even that a side has hung up. What connections that stand already carry
   * is lost, and they stay silent for ever, as those that a NAT has forgotten; what new ones carry arrives after `heal`.
   */
  silence(direction: Direction): void;
  /** Has `onChunk` see all that is sent, whether or not it arrives; nobody where undefined. */
  watch(onChunk: ((chunk: Buffer, direction: Direction) => void) | undefined): void;
  /** Harms nothing more, and returns what it has done. */
  heal(): Harm;
  readonly harm: Readonly<Harm>;
  close(): Promise<void>;
};

type Relay = {
  direction: Direction;
  from: Socket;
  to: Socket;
  /** Lost for ever. */
  isSilent: boolean;
  /** What waits for `heal`: data, and at last the end. */
  heldBack: (Buffer | "end")[] | undefined;
  /** How many chunks are late, and when the last of them arrives: none overtakes another. */
  late: number;
  latest: Promise<void>;
};

/** Starts a proxy on a free port of 127.0.0.1. Until `pointTo` it resets whoever connects. */
export async function startProxy(): Promise<Proxy> {
  const relays = new Set<Relay>();
  let calleePort: number | undefined;
  let delayMs = 0;
  let silent: Direction | undefined;
  let harm: Harm = { bytes: 0, connections: 0 };
  let watcher: Parameters<Proxy["watch"]>[0];

  function pass(relay: Relay, what: Buffer | "end"): void {
    const bytes = what === "end" ? 0 : what.length;
    if (what !== "end") watcher?.(what, relay.direction);
    if (relay.isSilent || relay.heldBack || delayMs > 0) harm.bytes += bytes;
    if (relay.isSilent) return;
    if (relay.heldBack) return void relay.heldBack.push(what);
    if (relay.late === 0 && delayMs === 0) return deliver(relay, what);
    const arrivesAtMs = performance.now() + delayMs;
    relay.late += 1;
    relay.latest = relay.latest.then(async () => {
      await sleep(Math.max(0, arrivesAtMs - performance.now()));
      relay.late -= 1;
      deliver(relay, what);
    });
  }

  function relayBetween(from: Socket, to: Socket, direction: Direction): void {
    const relay: Relay = {
      direction,
      from,
      to,
      isSilent: false,
      heldBack: silent === direction ? [] : undefined,
      late: 0,
      latest: Promise.resolve(),
    };
    relays.add(relay);
    from.setNoDelay();
    from.on("data", (chunk: Buffer) => pass(relay, chunk));
    from.on("end", () => pass(relay, "end"));
    from.on("error", () => {});
    from.on("close", (hadError: boolean) => {
      relays.delete(relay);
      if (hadError && !relay.isSilent && !relay.heldBack) to.resetAndDestroy();
    });
  }

  const server = createServer({ allowHalfOpen: true }, (caller) => {
    caller.on("error", () => {});
    if (calleePort === undefined) return void caller.resetAndDestroy();
    const callee = connect({ port: calleePort, host: "127.0.0.1", allowHalfOpen: true });
    relayBetween(caller, callee, "up");
    relayBetween(callee, caller, "down");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const resetAll = (): number => {
    const callers = [...relays].filter(({ direction }) => direction === "up");
    for (const { from, to } of callers) {
      from.resetAndDestroy();
      to.resetAndDestroy();
    }
    return callers.length;
  };
  return {
    port: (server.address() as AddressInfo).port,
    pointTo: (port) => void (calleePort = port),
    delay: (ms) => void (delayMs = ms),
    reset: () => void (harm.connections += resetAll()),
    silence(direction) {
      silent = direction;
      for (const relay of relays) if (relay.direction === direction) relay.isSilent = true;
    },
    watch: (onChunk) => void (watcher = onChunk),
    heal() {
      delayMs = 0;
      silent = undefined;
      for (const relay of relays) {
        const waiting = relay.heldBack ?? [];
        relay.heldBack = undefined;
        for (const what of waiting) deliver(relay, what);
      }
      const done = harm;
      harm = { bytes: 0, connections: 0 };
      return done;
    },
    get harm() {
      return harm;
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      resetAll();
      await closed;
    },
  };
}

function deliver({ to }: Relay, what: Buffer | "end"): void {
  if (to.destroyed || to.writableEnded) return;
  if (what === "end") to.end();
  else to.write(what);
}
