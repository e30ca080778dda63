import type { Bench, Known, Run } from "../bench.ts";
import { capacityOf } from "../capacity-of.ts";
import { settleDatabase } from "../database.ts";
import { goalOf } from "../goals.ts";
import { floorsOf, growthOf, watchMemory, type Growth, type MemorySample } from "../memory.ts";
import { lineChart } from "../reporting/charts.ts";
import { openSales, quantity, requestsOf } from "../sales.ts";
import type { Figure, Findings, Scenario, Table } from "../scenario.ts";
import { warmUp } from "../warm-up.ts";

const connections = 512;
const shareOfCapacity = 0.5;
/** Short, so that holds lapse and are swept while the soak runs. */
const holdTtlMs = 60_000;
/** In which a heap has certainly been collected. */
const heapWindowSeconds = 15;
/** Shorter ones say nothing of growth. */
const soakSecondsMin = 600;
/** More customers than this are not signed ahead: they come back, for another event. */
const customersMax = 1_000_000;

/** Whether memory stays where it is. */
export const soak: Scenario = {
  name: "soak",
  title: "Memory, and a soak",
  how: `Half of the capacity as an open loop, for minutes. Holds last one minute, so that they lapse and are swept all the while.
Each second: resident memory of every component's largest process (VmRSS; Postgres' contains the shared buffers that it
has touched, up to 256 MB), and the lowest of the services' used heap in each 15 s, from their metrics. Growth is the slope of a straight line through
the last half of the samples, over that half, with its 95 % interval; Postgres, whose shared buffers fill up to their size, is
listed but not part of the figure. A soak shorter than ten minutes gives no figure. The largest process is the largest since the system started (VmHWM), and the same
processes had served all scenarios before this one that share the usual system.`,
  measure,
};

async function measure(bench: Bench): Promise<Findings> {
  const { soakSeconds } = bench.asked;
  const system = await bench.system();
  await warmUp(bench, system);
  const ratePerSecond = Math.round(shareOfCapacity * (await capacityOf(bench, system)));
  const requests = ratePerSecond * soakSeconds;
  const sales = await openSales(system, "eighty", Math.ceil(requests / requestsOf("eighty")), { holdTtlMs });
  await settleDatabase(system.sql);
  const watch = watchMemory(system);
  const run = await bench.run(`soak, ${ratePerSecond}/s`, system, {
    kind: "open",
    ratePerSecond,
    durationMs: soakSeconds * 1_000,
    connections,
    sessions: Math.min(requests, customersMax),
    holdsMayEnd: true,
    wishes: { sales, quantity },
  });
  const samples = await watch.stop();
  const growths = growthsOf(samples);
  return {
    figures: run.wrong.length > 0 ? [] : figuresOf(run, growths, { soakSeconds, largest: bench.known.largest }),
    tables: [tableOf(run, growths)],
    charts: [memoryChart(samples)],
  };
}

type Growths = { name: string; resident: Growth | undefined; heap: Growth | undefined }[];

function growthsOf(samples: MemorySample[]): Growths {
  return Object.keys(samples[0]?.residentMb ?? {}).map((name) => ({
    name,
    resident: growthOf(samples.map(({ seconds, residentMb }) => [seconds, residentMb[name] ?? 0])),
    heap: growthOf(floorsOf(samples, ({ heapMb }) => heapMb[name], heapWindowSeconds)),
  }));
}

function figuresOf(
  run: Run,
  growths: Growths,
  { soakSeconds, largest }: { soakSeconds: number; largest: Known["largest"] },
): Figure[] {
  const ours = growths.filter(({ name, resident }) => name !== "postgres" && resident !== undefined);
  const worst = ours.reduce<Growths[number] | undefined>(
    (most, each) => (!most || each.resident!.percent > most.resident!.percent ? each : most),
    undefined,
  );
  const memory: Figure = {
    id: "memory",
    values: [largest.mb],
    note: `The largest of all runs so far, of every scenario: ${largest.component}, during "${largest.during}". ${run.held} of ${run.answered} requests of the soak succeeded.`,
  };
  if (!worst || soakSeconds < soakSecondsMin) return [memory];
  const { percent, percentLow, percentHigh } = worst.resident!;
  const note = `${worst.name}, whose interval is ${percentLow.toFixed(1)} to ${percentHigh.toFixed(1)} %, over the last half of ${soakSeconds} s.`;
  return [memory, { id: "memory-growth", values: [percent], note }];
}

function tableOf(run: Run, growths: Growths): Table {
  const cells = (growth: Growth | undefined) =>
    growth
      ? [
          Math.round(growth.startMb),
          Math.round(growth.endMb),
          `${growth.percent.toFixed(1)} % (${growth.percentLow.toFixed(1)} to ${growth.percentHigh.toFixed(1)})`,
        ]
      : ["", "", ""];
  return {
    title: "Memory of the largest process of each component, MB, over the last half of the soak",
    columns: ["component", "peak ever", "resident, from", "to", "growth", "heap floor, from", "to", "growth"],
    rows: growths.map(({ name, resident, heap }) => [
      name,
      Math.round(run.peakMb[name] ?? 0),
      ...cells(resident),
      ...cells(heap),
    ]),
  };
}

function memoryChart(samples: MemorySample[]) {
  return lineChart({
    name: "memory",
    title: "Resident memory over the soak, largest process of each component",
    x: { name: "seconds" },
    y: { name: "MB" },
    lines: Object.keys(samples[0]?.residentMb ?? {}).map((name) => ({
      name,
      points: samples.map(({ seconds, residentMb }): [number, number | undefined] => [seconds, residentMb[name]]),
    })),
    marks: [{ name: "must", value: goalOf("memory").must }],
  });
}
