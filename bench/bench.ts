// What scenarios measure with: systems, loads that are accounted for, and what earlier scenarios found out.

import type { BenchArguments } from "./arguments.ts";
import { resetDatabase } from "./database.ts";
import { readPostgresFacts, type PostgresFacts } from "./machine.ts";
import { createProgressBar } from "./progress-bar.ts";
import { runLoad, type Load, type LoadTarget, type Measured } from "./run-load.ts";
import { startBenchSystem, type BenchSystem, type BenchSystemOptions } from "./system.ts";

/** One measured run, for the record. */
export type Run = Measured & { label: string };

/** What scenarios measure with. */
export type Bench = {
  asked: BenchArguments;
  /** The usual system: one process of each, settings as in production. The same processes serve all scenarios. */
  system(): Promise<BenchSystem>;
  /** Stops the usual system, so that another has the machine to itself. */
  stopSystem(): Promise<void>;
  /** Starts a system of this scenario's own. */
  startSystem(options: BenchSystemOptions): Promise<BenchSystem>;
  /** Registers something to be stopped when the scenario ends. */
  stopAtEnd(stop: () => Promise<unknown>): void;
  /** Sends a load, shows how far it is, keeps the run for the record. */
  run(label: string, target: LoadTarget, load: Load, judgement?: Judgement): Promise<Run>;
  /** What is known of the usual system. */
  known: Known;
  say(line: string): void;
};

/** What a scenario demands of a run, beside what all must show. */
export type Judgement = {
  /** Returns what makes the run void. */
  wrongWith?: (run: Run) => string[];
  /** True for a run that is neither void nor of use, and goes unrecorded. */
  isVain?: (run: Run) => boolean;
};

/** What is known so far: guesses until scenarios put measurements in. */
export type Known = {
  /** Successful holds a second; undefined until measured. */
  capacityPerSecond?: number;
  /** With which that many were reached. */
  connections: number;
  /** The most that any run has reached, for how many seats to put on sale. */
  fastestPerSecond: number;
  /** The largest process of any system so far. */
  largest: { component: string; mb: number; during: string };
};

/** A bench, and what its owner does with it. */
export type BenchControl = Bench & {
  /** Ends a scenario: stops what it started, empties the usual system's database, returns what it ran on what. */
  endScenario(): Promise<{ runs: Run[]; postgres: PostgresFacts | undefined }>;
  stop(): Promise<void>;
};

/** Returns a bench that has started nothing yet. */
export function createBench(asked: BenchArguments): BenchControl {
  const known: Known = {
    connections: 512,
    fastestPerSecond: 2_000,
    largest: { component: "none", mb: 0, during: "nothing" },
  };
  let runs: Run[] = [];
  const stops: (() => Promise<unknown>)[] = [];
  let usual: BenchSystem | undefined;
  let postgres: PostgresFacts | undefined;
  const say = (line: string) => console.log(line);

  async function start(options?: BenchSystemOptions): Promise<BenchSystem> {
    const system = await startBenchSystem(options);
    postgres = await readPostgresFacts(system.sql);
    return system;
  }

  async function stopSystem(): Promise<void> {
    const stopping = usual;
    usual = undefined;
    await stopping?.stop();
  }

  return {
    asked,
    known,
    say,
    stopSystem,
    system: async () => (usual ??= await start()),
    async startSystem(options) {
      const system = await start(options);
      stops.push(system.stop);
      return system;
    },
    stopAtEnd: (stop) => void stops.push(stop),
    async run(label, target, load, { wrongWith, isVain } = {}) {
      const bar = createProgressBar(label, process.stderr);
      const clock = showTime(load, bar.update);
      try {
        const expected = load.kind === "closed" ? load.requestsMax : requestsOf(load);
        const run = { ...(await runLoad(target, load, (answered) => clock ?? bar.update(answered, expected))), label };
        for (const [component, mb] of Object.entries(run.peakMb)) {
          if (mb > known.largest.mb) known.largest = { component, mb, during: label };
        }
        if (run.wrong.length === 0 && isVain?.(run)) return run;
        run.wrong.push(...(wrongWith?.(run) ?? []));
        runs.push(run);
        bar.end();
        say(`    ${lineOf(run)}`);
        return run;
      } finally {
        clearInterval(clock);
        bar.end();
      }
    },
    async endScenario() {
      const done = { runs, postgres };
      runs = [];
      for (const stop of stops.splice(0).reverse()) await stop();
      if (usual) await resetDatabase(usual.sql);
      return done;
    },
    async stop() {
      for (const stop of stops.splice(0).reverse()) await stop();
      await stopSystem();
    },
  };
}

// A load that ends by the clock is shown by the clock.
function showTime(load: Load, update: (done: number, total: number) => void): NodeJS.Timeout | undefined {
  if (load.kind !== "closed" || Number.isFinite(load.requestsMax)) return undefined;
  const startedAt = Date.now();
  const totalSeconds = Math.round(load.durationMs / 1_000);
  return setInterval(() => update(Math.round((Date.now() - startedAt) / 1_000), totalSeconds), 1_000);
}

function requestsOf(load: Exclude<Load, { kind: "closed" }>): number {
  return load.kind === "atOnce" ? load.requests : Math.floor((load.ratePerSecond * load.durationMs) / 1_000);
}

function lineOf({ label, counts, elapsedMs, held, heldPerSecond, answeredPerSecond, overall, wrong }: Run): string {
  const answers = Object.entries(counts)
    .map(([answer, count]) => `${count.toLocaleString("en")} ${answer}`)
    .join(", ");
  const speed = `${Math.round(held > 0 ? heldPerSecond : answeredPerSecond).toLocaleString("en")}/s`;
  const p99 = overall ? `, p99 ${overall.p99.toFixed(1)} ms` : "";
  const verdict = wrong.length > 0 ? `  VOID: ${wrong.join("; ")}` : "";
  return `${label.padEnd(32)} ${speed.padStart(9)}   ${answers} in ${(elapsedMs / 1_000).toFixed(1)} s${p99}${verdict}`;
}
