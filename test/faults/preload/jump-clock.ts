// Preloaded into every process of the fault harness: on SIGUSR2 the process's clock jumps to as many milliseconds from the
// true time as the file FAULT_CLOCK_FILE says. Monotonic clocks (performance.now, timers) and Postgres's clock stay as they
// are, as they do when somebody sets a machine's clock.

import { readFileSync } from "node:fs";

const RealDate = Date;
const realNow = Date.now;
let offsetMs = 0;

RealDate.now = () => realNow() + offsetMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [target.now()] : args, newTarget) as object,
});

process.on("SIGUSR2", () => {
  offsetMs = Number(readFileSync(process.env["FAULT_CLOCK_FILE"]!, "utf8"));
  console.log(JSON.stringify({ event: "fault.clock_jumped", offset_ms: offsetMs, time: new Date().toISOString() }));
});
