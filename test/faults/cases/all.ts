// The matrix.

import type { FaultCase } from "../fault-case.ts";
import { kills } from "./kills.ts";
import { network } from "./network.ts";
import { outside } from "./outside.ts";
import { processes } from "./processes.ts";
import { servers } from "./servers.ts";

/** Every case, in the order in which they run. */
export const cases: FaultCase[] = [...kills, ...servers, ...processes, ...network, ...outside];
