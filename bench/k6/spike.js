// The sale opens: from one moment to the next a multitude comes, then it is quiet again. Everybody must get a quick, true
// answer, and those who come after the rush must not feel it.
//
//   k6 run -e RATE=1000 -e DURATION=10 bench/k6/spike.js

import exec from "k6/execution";
import { numberSetting } from "./boxoffice.js";
import { buy } from "./buyer.js";
import { trendStats } from "./outcomes.js";
import { findSale, settleSale, sumThresholds } from "./sale.js";
import { countOf, row, summaryOf, summedBy, timesOf } from "./summary.js";

const payShare = numberSetting("PAY_SHARE", 0.8);
const quiet = { rate: numberSetting("QUIET_RATE", 5), seconds: numberSetting("QUIET_SECONDS", 10) };
const phases = [
  { name: "before", ...quiet },
  { name: "rush", rate: numberSetting("RATE", 120), seconds: numberSetting("DURATION", 10) },
  { name: "after", ...quiet },
];
const shown = ["buyers", "held", "sold_out", "overloaded", "gave_up"];
const arrivals = phases.reduce((sum, { rate, seconds }) => sum + rate * seconds, 0);

export const options = {
  scenarios: {
    spike: {
      executor: "ramping-arrival-rate",
      startRate: phases[0].rate,
      timeUnit: "1s",
      stages: phases.flatMap(({ rate: target, seconds }) => [
        { target, duration: "0s" },
        { target, duration: `${seconds}s` },
      ]),
      preAllocatedVUs: numberSetting("VUS", 600),
      gracefulStop: "120s",
    },
  },
  summaryTrendStats: trendStats,
  thresholds: {
    ...summedBy(
      "phase",
      phases.map(({ name }) => name),
      { counters: shown, trends: ["final_ms"] },
    ),
    wrong: ["count==0"],
    ...sumThresholds,
    unavailable: ["rate<0.001"],
    rate_limited: ["count==0"],
    held: ["count>0"],
    served: ["rate>0.99"],
    "final_ms{phase:rush}": [`p(95)<${numberSetting("RUSH_P95_MS", 8000)}`],
    "final_ms{phase:after}": [`p(95)<${numberSetting("P95_MS", 500)}`],
    dropped_iterations: [`count<=${arrivals / 100}`],
  },
};

export const setup = findSale;
export const teardown = settleSale;

export default function (sale) {
  exec.vu.metrics.tags.phase = phaseAt((Date.now() - exec.scenario.startTime) / 1000);
  buy(sale, payShare);
}

export function handleSummary(data) {
  return summaryOf("spike", data, [phaseTable(data.metrics)]);
}

function phaseAt(elapsedS) {
  let endS = 0;
  return (phases.find(({ seconds }) => elapsedS < (endS += seconds)) ?? phases.at(-1)).name;
}

function phaseTable(metrics) {
  return [
    row(["", ...shown.map((metric) => metric.replace("_", " ")), "final p50", "final p95", "final max"]),
    ...phases.map(({ name }) => {
      const counts = shown.map((metric) => countOf(metrics, `${metric}{phase:${name}}`));
      const [p50, p95, , max] = timesOf(metrics, `final_ms{phase:${name}}`);
      return row([name, ...counts, p50, p95, max]);
    }),
  ];
}
