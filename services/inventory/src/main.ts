// Inventory: decides who gets which seat.

import { runService } from "#shared/service";
import { readInventoryConfig } from "./config.ts";
import { buildInventory } from "./inventory.ts";

await runService("inventory", readInventoryConfig, buildInventory);
