/**
 * Connection settings of the pool that runs batches. Its statements join a small array with a table by the table's whole
 * key, so an index lookup for each element is always right. The planner, left alone, remembers a plan that it made while
 * the table was nearly empty and reads the whole table for every batch ever after; JIT only adds milliseconds.
 */
export const batchPlannerSettings = {
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_material: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
};
