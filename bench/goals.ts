// The figures to reach on a machine with two cores that run everything, the load generator too.

/** A figure to reach. */
export type Goal = {
  id: string;
  title: string;
  unit: Unit;
  better: "higher" | "lower";
  must: number;
  aim: number;
};

export type Unit = "/s" | "×" | "µs" | "ms" | "s" | "MB" | "%";

/** All of them, in the order of the report. */
export const goals = [
  higher("holds", "successful holds a second, 80 areas, best number of connections", "/s", 8_000, 20_000),
  higher("holds-vs-bare", "… ÷ requests a second of a bare node:http JSON server", "×", 0.15, 0.35),
  higher("hot-area", "one hot area ÷ 80 areas", "×", 0.95, 1),
  higher("refusals", "refusals when sold out ÷ successes", "×", 1, 2),
  lower("cpu", "processor time for a successful reservation, all but the generator", "µs", 150, 90),
  higher("lean-edge", "lean edge ÷ Connect router, edge alone", "×", 3, 4),
  higher("batching", "batched ÷ batch size 1, whole system, hot area", "×", 8, 10),
  lower("at-once-last", "50,000 requests at once over 80 areas of 400 seats: last final answer", "s", 8, 5),
  lower("at-once-p99", "… their p99, from before the first is sent", "s", 8, 4),
  lower("million", "a million requests", "s", 125, 50),
  lower("open-500-p50", "open loop, 500/s: p50", "ms", 8, 4),
  lower("open-500-p99", "open loop, 500/s: p99", "ms", 30, 15),
  lower("open-70-p99", "open loop at 70 % of capacity: p99", "ms", 100, 40),
  higher("goodput", "goodput at ten times capacity ÷ peak", "×", 0.9, 0.95),
  lower("refusal-p99", "… refusals' p99", "ms", 50, 10),
  higher("checkouts", "checkouts a second: authorise, confirm, capture; sandbox provider", "/s", 800, 2_000),
  lower("memory", "memory of the largest process, under all of this", "MB", 350, 200),
  lower("memory-growth", "… its growth over the last half of a soak", "%", 5, 2),
] as const satisfies Goal[];

export type GoalId = (typeof goals)[number]["id"];

/** What a value is worth against its goal. */
export type Verdict = "aim reached" | "reached" | "not reached";

/** Returns the goal with this id. */
export function goalOf(id: GoalId): Goal {
  return goals.find((goal) => goal.id === id)!;
}

/** Returns what `value`, in the goal's unit, is worth. */
export function verdictOf({ better, must, aim }: Goal, value: number): Verdict {
  const reaches = (bound: number) => (better === "higher" ? value >= bound : value <= bound);
  return reaches(aim) ? "aim reached" : reaches(must) ? "reached" : "not reached";
}

function higher<Id extends string>(id: Id, title: string, unit: Unit, must: number, aim: number) {
  return { id, title, unit, better: "higher", must, aim } as const;
}

function lower<Id extends string>(id: Id, title: string, unit: Unit, must: number, aim: number) {
  return { id, title, unit, better: "lower", must, aim } as const;
}
