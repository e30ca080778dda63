// Does it work at all? A trickle of buyers, every one of whom must get seats, quickly.
//
//   k6 run bench/k6/smoke.js

import { numberSetting } from "./boxoffice.js";
import { buy } from "./buyer.js";
import { trendStats } from "./outcomes.js";
import { findSale, settleSale, sumThresholds } from "./sale.js";
import { summaryOf } from "./summary.js";

const payShare = numberSetting("PAY_SHARE", 0.5);

export const options = {
  scenarios: {
    smoke: {
      executor: "constant-arrival-rate",
      rate: numberSetting("RATE", 5),
      timeUnit: "1s",
      duration: `${numberSetting("DURATION", 20)}s`,
      preAllocatedVUs: numberSetting("VUS", 20),
      gracefulStop: "120s",
    },
  },
  summaryTrendStats: trendStats,
  thresholds: {
    wrong: ["count==0"],
    ...sumThresholds,
    unavailable: ["rate==0"],
    rate_limited: ["count==0"],
    overloaded: ["count==0"],
    got_seats: ["rate==1"],
    paid: payShare > 0 ? ["count>0"] : [],
    cancelled: payShare < 1 ? ["count>0"] : [],
    held_ms: [`p(95)<${numberSetting("P95_MS", 500)}`],
    dropped_iterations: ["count==0"],
  },
};

export const setup = findSale;
export const teardown = settleSale;

export default function (sale) {
  buy(sale, payShare);
}

export function handleSummary(data) {
  return summaryOf("smoke", data);
}
