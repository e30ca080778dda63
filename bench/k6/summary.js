// What a run prints and writes at its end.

import { baseUrl } from "./boxoffice.js";

const meanings = {
  wrong: "answers broke the contract",
  unavailable: "answers were 5xx or did not come",
  rate_limited: "the gateway's limits for one address met the load, not its capacity: see README.md",
  buyers: "buyers whom k6 sent",
  "buyers{phase:after}": "buyers who came when the rush was over: those before stood behind its tail",
  got_seats: "share of the buyers who got seats",
  served: "share of the buyers with a final, true answer within their patience",
  seats_promised_not_taken: "seats were promised that are not taken: promised twice, or lost",
  seats_taken_not_promised: "seats are taken that nobody was promised (SHARED=true if others buy meanwhile)",
  dropped_iterations: "k6 could not send the load: give it more VUS, or less RATE",
};

// Rules that can't fail. k6 sums a metric up by a tag only where a threshold names it.
const alwaysOfCounter = "count>=0";
const alwaysOfTrend = "max>=0";

/** Returns thresholds that can't fail, for k6 to sum up these metrics by a tag, e.g. `step`, with these values. */
export function summedBy(tag, tagValues, { counters, trends }) {
  const sums = (names, rule) => tagValues.flatMap((value) => names.map((name) => [`${name}{${tag}:${value}}`, [rule]]));
  return Object.fromEntries([...sums(counters, alwaysOfCounter), ...sums(trends, alwaysOfTrend)]);
}

/** Returns what `handleSummary` returns: the table, and the figures in full as JSON (SUMMARY names the file). */
export function summaryOf(name, data, sections = []) {
  const { metrics, setup_data: sale } = data;
  if (!sale) return { stdout: `\nBoxoffice ${name} did not begin: the error says why.\n\n` };
  const seconds = data.state.testRunDurationMs / 1000;
  const count = (metric) => countOf(metrics, metric);
  const lines = [
    `Boxoffice ${name}: ${sale.name} at ${baseUrl}, ${seconds.toFixed(0)} s`,
    "",
    row(["buyers", "held", "sold out", "not on sale", "gave up", "paid", "declined", "cancelled"]),
    row(["buyers", "held", "sold_out", "not_on_sale", "gave_up", "paid", "declined", "cancelled"].map(count)),
    "",
    row(["answers", "rate limited", "overloaded", "unavailable", "wrong", "not sent"]),
    row(["answers", "rate_limited", "overloaded", "unavailable", "wrong", "dropped_iterations"].map(count)),
    "",
    row(["ms", "p50", "p95", "p99", "max"]),
    ...["held", "sold_out", "shed", "paid", "cancelled", "final"]
      .filter((what) => count(`${what}_ms`) > 0)
      .map((what) => row([what.replace("_", " "), ...timesOf(metrics, `${what}_ms`)])),
    ...sections.flatMap((section) => ["", ...section]),
    "",
    ...verdict(metrics),
    "",
  ];
  const file = __ENV.SUMMARY || `k6-${name}.json`;
  return { stdout: `\n${lines.join("\n")}\n`, [file]: `${JSON.stringify(figuresOf(name, data), undefined, 2)}\n` };
}

/** Returns a line of the table. */
export function row(cells) {
  return cells.map((cell) => String(cell).padStart(13)).join("");
}

/** Returns what a Counter or a Rate has counted, or how often a Trend was timed; 0 where it never was. */
export function countOf(metrics, name) {
  const { values } = metrics[name] ?? { values: {} };
  return values.count ?? values.passes ?? 0;
}

/** Returns p50, p95, p99 and the maximum in milliseconds, for people; dashes where nothing was timed. */
export function timesOf(metrics, name) {
  const { values } = metrics[name] ?? { values: {} };
  const show = (value) => (values.count > 0 ? value.toFixed(value < 10 ? 1 : 0) : "-");
  return ["p(50)", "p(95)", "p(99)", "max"].map((stat) => show(values[stat]));
}

function verdict(metrics) {
  const judged = Object.entries(metrics).flatMap(([name, { thresholds = {}, values }]) =>
    Object.entries(thresholds)
      .filter(([rule]) => rule !== alwaysOfCounter && rule !== alwaysOfTrend)
      .map(([rule, { ok }]) => ({ name, rule, ok, values })),
  );
  const failed = judged.filter(({ ok }) => !ok);
  if (failed.length === 0) return [`PASSED: ${judged.length} thresholds`];
  return [
    `FAILED: ${failed.length} of ${judged.length} thresholds`,
    ...failed.map(({ name, rule, values }) => {
      const meaning = meanings[name] ?? meanings[name.replace(/\{.*/, "")];
      return `  ${name} ${rule}, but it is ${valueIn(rule, values)}${meaning ? ` (${meaning})` : ""}`;
    }),
  ];
}

function valueIn(rule, values) {
  const value = values[rule.split(/[<>=!]/)[0].trim()];
  return typeof value === "number" ? Number(value.toFixed(4)) : "unknown";
}

function figuresOf(name, { metrics, state, setup_data: sale }) {
  return {
    name,
    baseUrl,
    eventId: sale.eventId,
    durationMs: state.testRunDurationMs,
    metrics: Object.fromEntries(
      Object.entries(metrics).map(([metric, { type, values, thresholds }]) => [metric, { type, values, thresholds }]),
    ),
  };
}
