// What overload control shows. It counts in plain numbers where things happen, and they are read when somebody asks: a
// refusal has to cost next to nothing.

import { Counter, Gauge, type Registry } from "#shared/metrics";
import { priorities } from "../policy.ts";
import { shedReasons, type Admission } from "./admission.ts";
import type { SoldOutNotes } from "./sold-out-notes.ts";
import type { WaitLimit } from "./wait-limit.ts";

/** Registers the metrics of `admission` and `notes`. */
export function watchOverload(
  registry: Registry,
  { admission, notes }: { admission: Admission; notes: Pick<SoldOutNotes, "answered"> },
): void {
  const registers = [registry];
  new Counter({
    name: "boxoffice_edge_shed_total",
    help: "Requests refused as OVERLOADED, by how urgent they were and why.",
    labelNames: ["priority", "reason"],
    registers,
    collect() {
      this.reset();
      for (const priority of priorities) {
        for (const reason of shedReasons) this.inc({ priority, reason }, admission.shedCount(priority, reason));
      }
    },
  });
  new Counter({
    name: "boxoffice_edge_sold_out_noted_total",
    help: "Reservations refused as sold out from memory.",
    registers,
    collect() {
      this.reset();
      this.inc(notes.answered);
    },
  });
  const gauge = (name: string, help: string, read: (queue: WaitLimit) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["queue"],
      registers,
      collect() {
        for (const [name, queue] of Object.entries(admission.queues)) this.set({ queue: name }, read(queue));
      },
    });
  gauge("boxoffice_edge_queue_requests", "Requests in a queue.", (queue) => queue.inFlight);
  gauge("boxoffice_edge_queue_requests_max", "Most requests that a queue takes now.", (queue) => queue.limit);
  gauge(
    "boxoffice_edge_queue_wait_seconds",
    "Wait of a request that joins now; 0 where no queue stands.",
    (queue) => queue.expectedWaitMs / 1_000,
  );
}
