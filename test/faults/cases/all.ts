// The matrix.

import type { FaultCase } from "../fault-case.ts";
import { killsAtBank } from "./kills-at-bank.ts";
import { killsAtDoor } from "./kills-at-door.ts";
import { killsOfRefunds } from "./kills-of-refunds.ts";
import { kills } from "./kills.ts";
import { network } from "./network.ts";
import { outside } from "./outside.ts";
import { processes } from "./processes.ts";
import { servers } from "./servers.ts";
import { webhooks } from "./webhooks.ts";

/** Every case, in the order in which they run. */
export const cases: FaultCase[] = [
  ...kills,
  ...killsAtBank,
  ...killsOfRefunds,
  ...killsAtDoor,
  ...servers,
  ...processes,
  ...network,
  ...outside,
  ...webhooks,
];
