import { indexLookupSettings } from "#shared/planner-settings";

/**
 * Connection settings of the pool that runs batches. Its statements join a small array with a table by the table's whole
 * key, so that an index lookup for each element is always right.
 * A row that somebody else keeps locked fails the batch as unknown after two seconds, since all other areas wait behind it.
 */
export const batchPlannerSettings = {
  ...indexLookupSettings,
  enable_bitmapscan: "off",
  enable_material: "off",
  lock_timeout: "2s",
};
