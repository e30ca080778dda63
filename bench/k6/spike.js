// The sale opens: from one moment to the next a multitude comes, then it is quiet again. Everybody must get a quick, true
// answer, and those who come when the rush is over must not feel it. It is over when its buyers have gone, a second after
// the last came at the earliest; until then newcomers stand behind them, and are a phase of their own, its tail.
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
const rush = { rate: numberSetting("RATE", 120), seconds: numberSetting("DURATION", 10) };
const tailSMin = 1;
const stages = [quiet, rush, { rate: quiet.rate, seconds: tailSMin + quiet.seconds }];
const phases = ["before", "rush", "tail", "after"];
const rushEndsS = quiet.seconds + rush.seconds;
// A rush whose tail takes more than half of the quiet after it is not over soon enough.
const afterShareMin = 0.5;
const shown = ["buyers", "held", "sold_out", "overloaded", "gave_up"];
const arrivals = stages.reduce((sum, { rate, seconds }) => sum + rate * seconds, 0);

export const options = {
  scenarios: {
    spike: {
      executor: "ramping-arrival-rate",
      startRate: quiet.rate,
      timeUnit: "1s",
      stages: stages.flatMap(({ rate: target, seconds }) => [
        { target, duration: "0s" },
        { target, duration: `${seconds}s` },
      ]),
      preAllocatedVUs: numberSetting("VUS", 600),
      gracefulStop: "120s",
    },
  },
  summaryTrendStats: trendStats,
  thresholds: {
    ...summedBy("phase", phases, { counters: shown, trends: ["final_ms"] }),
    wrong: ["count==0"],
    ...sumThresholds,
    unavailable: ["rate<0.001"],
    rate_limited: ["count==0"],
    held: ["count>0"],
    served: ["rate>0.99"],
    "final_ms{phase:rush}": [`p(95)<${numberSetting("RUSH_P95_MS", 8000)}`],
    "buyers{phase:after}": [`count>=${quiet.rate * quiet.seconds * afterShareMin}`],
    "final_ms{phase:after}": [`p(95)<${numberSetting("P95_MS", 500)}`],
    dropped_iterations: [`count<=${arrivals / 100}`],
  },
};

export const setup = findSale;
export const teardown = settleSale;

export default function (sale) {
  exec.vu.metrics.tags.phase = phaseNow();
  buy(sale, payShare);
}

export function handleSummary(data) {
  return summaryOf("spike", data, [phaseTable(data.metrics)]);
}

function phaseNow() {
  const elapsedS = (Date.now() - exec.scenario.startTime) / 1000;
  if (elapsedS < quiet.seconds) return "before";
  if (elapsedS < rushEndsS) return "rush";
  // VUs share nothing, but k6 counts iterations over all of them: those that began until the rush ended must have ended.
  const sinceRushS = elapsedS - rushEndsS;
  const cameUntilThen = exec.scenario.iterationInInstance + 1 - quiet.rate * sinceRushS;
  return sinceRushS < tailSMin || exec.instance.iterationsCompleted < cameUntilThen ? "tail" : "after";
}

function phaseTable(metrics) {
  return [
    row(["", ...shown.map((metric) => metric.replace("_", " ")), "final p50", "final p95", "final max"]),
    ...phases.map((phase) => {
      const counts = shown.map((metric) => countOf(metrics, `${metric}{phase:${phase}}`));
      const [p50, p95, , max] = timesOf(metrics, `final_ms{phase:${phase}}`);
      return row([phase, ...counts, p50, p95, max]);
    }),
  ];
}
