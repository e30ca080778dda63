// The scenarios, in the order in which they are measured: first those that share the usual system, last those that have
// systems of their own.

import type { Scenario } from "../scenario.ts";
import { atOnce } from "./at-once.ts";
import { batching } from "./batching.ts";
import { capacity } from "./capacity.ts";
import { checkouts } from "./checkouts.ts";
import { edge } from "./edge.ts";
import { hotArea } from "./hot-area.ts";
import { million } from "./million.ts";
import { openLoop } from "./open-loop.ts";
import { overload } from "./overload.ts";
import { refusals } from "./refusals.ts";
import { replicas } from "./replicas.ts";
import { soak } from "./soak.ts";

/** All of them. */
export const scenarios: readonly Scenario[] = [
  capacity,
  hotArea,
  refusals,
  atOnce,
  openLoop,
  checkouts,
  million,
  batching,
  overload,
  edge,
  replicas,
  soak,
];
