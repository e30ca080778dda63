import type { Bench, Run } from "../bench.ts";
import { randomUUID } from "node:crypto";
import { interleave, ratiosOf } from "../interleave.ts";
import type { LoadTarget } from "../run-load.ts";
import { roundsBySize } from "../rounds.ts";
import { middleOf, valuesOf } from "../runs.ts";
import { quantity } from "../sales.ts";
import type { Findings, Scenario } from "../scenario.ts";
import { startGateways } from "../start-servers.ts";

const connections = 64;

/** What the lean way through the gateway saves. */
export const edge: Scenario = {
  name: "edge",
  title: "The edge alone: lean way and Connect's router",
  how: `Two gateways, settings equal but for LEAN_EDGE, take turns. The figure is CreateGuestSession, which the gateway answers by
itself: all of the pipeline (limits, validation, signing a token, metrics), no backend. With two cores the generator has
one and the gateway the other. Beside it CreateReservation with session check, limits, validation and batching, in front
of a process that stands in for the reservation service and holds whatever is asked for at once
(\`bench/servers/stand-in-reservation.ts\`). There three processes share two cores, so the gateway's own processor time a
request is the fairer comparison; both ways pay the same for batching and the call to the backend.`,
  measure,
};

type Method = "guests" | "bookings";
type Variant = { method: Method; way: "lean" | "router"; gateway: LoadTarget };

async function measure(bench: Bench): Promise<Findings> {
  const { rounds, seconds, warmUpSeconds } = roundsBySize[bench.asked.size];
  await bench.stopSystem();
  const [lean, router] = await startGateways(bench, [{ LEAN_EDGE: "true" }, { LEAN_EDGE: "false" }]);
  const variants: Variant[] = (["guests", "bookings"] as const).flatMap((method) => [
    { method, way: "lean", gateway: lean! },
    { method, way: "router", gateway: router! },
  ]);
  for (const variant of variants) await ask(bench, variant, { round: "warming up", seconds: warmUpSeconds });
  const runs = await interleave(variants, rounds, (variant, round) =>
    ask(bench, variant, { round: String(round + 1), seconds }),
  );
  const [leanGuests, routerGuests, leanBookings, routerBookings] = runs as [Run[], Run[], Run[], Run[]];
  const rate = (run: Run) => run.heldPerSecond;
  const spent = (run: Run) => run.cpuUsPerHeld["gateway"];
  const bookingRatio = middleOf(leanBookings, rate) / middleOf(routerBookings, rate);
  const spentRatio = middleOf(routerBookings, spent) / middleOf(leanBookings, spent);
  return {
    figures: [
      {
        id: "lean-edge",
        values: ratiosOf(valuesOf(leanGuests, rate), valuesOf(routerGuests, rate)),
        note: `CreateGuestSession: ${middleOf(leanGuests, rate).toFixed(0)}/s lean, ${middleOf(routerGuests, rate).toFixed(0)}/s through the router. CreateReservation before a stand-in: ${bookingRatio.toFixed(2)} × the requests a second, ${spentRatio.toFixed(2)} × less processor time.`,
      },
    ],
    tables: [
      {
        title: "Medians of the rounds; processor time is the gateway's own",
        columns: ["method", "way", "requests", "succeeded", "succeeded/s", "p99 ms", "gateway µs each"],
        rows: variants.map(({ method, way }, index) => [
          method === "guests" ? "CreateGuestSession" : "CreateReservation",
          way,
          ...[(run: Run) => run.answered, (run: Run) => run.held, rate, (run: Run) => run.overall?.p99, spent].map(
            (value) => middleOf(runs[index]!, value),
          ),
        ]),
      },
    ],
    charts: [],
  };
}

function ask(
  bench: Bench,
  { method, way, gateway }: Variant,
  { round, seconds }: { round: string; seconds: number },
): Promise<Run> {
  const areaIds = Array.from({ length: 80 }, (_, index) => `area-${index}`);
  const name = method === "guests" ? "session" : "reservation";
  return bench.run(`${name}, ${way}, ${round}`, gateway, {
    ask: method,
    kind: "closed",
    requestsMax: Infinity,
    durationMs: seconds * 1_000,
    connections,
    sessions: method === "guests" ? 1 : 50_000,
    wishes: { sales: [{ eventId: randomUUID(), areaIds, requests: Infinity }], quantity },
  });
}
