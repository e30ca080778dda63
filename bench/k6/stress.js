// Where is the knee? The rate of arriving buyers grows in steps, each as long as the others, whether or not the system keeps
// up. Past the knee it may refuse, quickly and saying when to come back; it may not break, and it may not lie.
//
//   k6 run -e RATE=100 -e STEPS=8 bench/k6/stress.js

import exec from "k6/execution";
import { numberSetting } from "./boxoffice.js";
import { buy } from "./buyer.js";
import { trendStats } from "./outcomes.js";
import { findSale, settleSale, sumThresholds } from "./sale.js";
import { countOf, row, summaryOf, summedBy, timesOf } from "./summary.js";

const payShare = numberSetting("PAY_SHARE", 0.1);
const rateOfStep = numberSetting("RATE", 30);
const stepS = numberSetting("DURATION", 10);
const vus = numberSetting("VUS", 600);
const p95Ms = numberSetting("P95_MS", 500);
const steps = Array.from({ length: numberSetting("STEPS", 5) }, (_, index) => index + 1);
const rates = steps.map((step) => step * rateOfStep);

// A share of the buyers who come in a step; a step with more of them unserved does not keep up.
const keepsUpShare = 0.95;
const shown = ["buyers", "held", "sold_out", "overloaded", "gave_up"];

export const options = {
  scenarios: {
    stress: {
      executor: "ramping-arrival-rate",
      startRate: rates[0],
      timeUnit: "1s",
      stages: rates.flatMap((target) => [
        { target, duration: "0s" },
        { target, duration: `${stepS}s` },
      ]),
      preAllocatedVUs: vus,
      gracefulStop: "120s",
    },
  },
  summaryTrendStats: trendStats,
  thresholds: {
    ...summedBy("step", steps, { counters: shown, trends: ["held_ms"] }),
    wrong: ["count==0"],
    ...sumThresholds,
    unavailable: ["rate<0.001"],
    rate_limited: ["count==0"],
    // The first step is the load that must be no trouble; where k6 did not send it, nothing was shown.
    "buyers{step:1}": [`count>=${rates[0] * stepS * keepsUpShare}`],
    "got_seats{step:1}": ["rate>0.99"],
    "held_ms{step:1}": [`p(95)<${p95Ms}`],
    shed_ms: [`p(95)<${numberSetting("SHED_P95_MS", 1000)}`],
  },
};

export const setup = findSale;
export const teardown = settleSale;

export default function (sale) {
  const step = Math.floor((Date.now() - exec.scenario.startTime) / 1000 / stepS) + 1;
  exec.vu.metrics.tags.step = String(Math.min(step, rates.length));
  buy(sale, payShare);
}

export function handleSummary(data) {
  return summaryOf("stress", data, [stepTable(data.metrics)]);
}

function stepTable(metrics) {
  const found = steps.map((step) => stepOf(metrics, rates[step - 1], step));
  return [
    row(["offered/s", ...shown.map((name) => `${name.replace("_", " ")}/s`), "held p50", "held p95", "keeps up"]),
    ...found.map(({ cells }) => row(cells)),
    ...unsent(countOf(metrics, "dropped_iterations")),
    kneeOf(found.map(({ keepsUp }) => keepsUp)),
    `A step keeps up when ${keepsUpShare * 100} % of its buyers are told held or sold out, at a p95 of held below ${p95Ms} ms.`,
  ];
}

function stepOf(metrics, rate, step) {
  const perSecond = (name) => countOf(metrics, `${name}{step:${step}}`) / stepS;
  const [p50, p95] = timesOf(metrics, `held_ms{step:${step}}`);
  const told = perSecond("held") + perSecond("sold_out");
  const keepsUp = told >= rate * keepsUpShare && !(Number(p95) >= p95Ms);
  const counts = shown.map((name) => perSecond(name).toFixed(1));
  return { keepsUp, cells: [rate, ...counts, p50, p95, keepsUp ? "yes" : "no"] };
}

function unsent(count) {
  return count === 0
    ? []
    : [`${count} buyers could not come: all ${vus} were waiting for answers (or k6 was: see VUS).`];
}

// After the last step that keeps up: one before it that does not was a passing disturbance.
function kneeOf(keepsUp) {
  const last = keepsUp.lastIndexOf(true);
  if (last === rates.length - 1) return `No knee up to ${rates[last]} buyers a second: begin higher, with RATE.`;
  if (last === -1) return `The knee is below ${rates[0]} buyers a second.`;
  return `The knee is between ${rates[last]} and ${rates[last + 1]} buyers a second.`;
}
