/**
 * Settings of Postgres' planner for this service's connections. Each statement here finds its rows by an index, a few
 * hundred at a time. Without these, a plan that was made and kept while a table was small reads the whole table: with
 * 100,000 reservations, one lookup by key was measured at 20 ms instead of 1 ms. Forbidding scans and hash joins leaves
 * the planner the index.
 */
export const plannerSettings = { enable_seqscan: "off", enable_hashjoin: "off", enable_mergejoin: "off", jit: "off" };
