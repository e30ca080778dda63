// What `make bench` was asked for: words such as `only=capacity,hot-area quick=1 soak=600`.

/** How long everything takes: `check` is for CI, `quick` shows that all of it works, `full` is worth reporting. */
export type Size = "full" | "quick" | "check";

/** What to measure. */
export type BenchArguments = {
  size: Size;
  /** Names of scenarios. */
  only: readonly string[];
  soakSeconds: number;
  /** Requests of the scenario `million`. */
  millionRequests: number;
  /** Where the report goes; undefined where none is written. */
  reportDir: string | undefined;
};

/** The arguments, or what is wrong with them. */
export type ParsedArguments = { kind: "parsed"; asked: BenchArguments } | { kind: "wrong"; message: string };

const words = ["only", "quick", "check", "soak", "million", "report"] as const;
const bySize = {
  full: { soakSeconds: 600, millionRequests: 200_000, reportDir: "bench/report" },
  quick: { soakSeconds: 15, millionRequests: 20_000, reportDir: ".data/bench-report" },
  check: { soakSeconds: 15, millionRequests: 20_000, reportDir: undefined },
};
const checked = ["capacity", "hot-area", "refusals", "edge", "batching"];

/** Returns what `args` ask for; `names` are the scenarios that exist. Empty values count as not given. */
export function parseArguments(args: readonly string[], names: readonly string[]): ParsedArguments {
  const given = new Map<string, string>();
  for (const arg of args) {
    const at = arg.indexOf("=");
    const word = arg.slice(0, at);
    if (!words.includes(word as (typeof words)[number])) return wrong(`"${arg}": say ${words.join("=, ")}=`);
    if (at + 1 < arg.length) given.set(word, arg.slice(at + 1));
  }
  const size = given.get("check") === "1" ? "check" : given.get("quick") === "1" ? "quick" : "full";
  const only = given.get("only")?.split(",") ?? (size === "check" ? checked : names);
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) return wrong(`there is no ${unknown.join(", ")}: there are ${names.join(", ")}`);
  const soakSeconds = wholeNumber(given.get("soak"), bySize[size].soakSeconds);
  const millionRequests = wholeNumber(given.get("million"), bySize[size].millionRequests);
  if (soakSeconds === undefined) return wrong("soak= takes whole seconds, 10 or more");
  if (millionRequests === undefined) return wrong("million= takes a whole number of requests, 10 or more");
  const reportDir = given.get("report") ?? bySize[size].reportDir;
  return { kind: "parsed", asked: { size, only, soakSeconds, millionRequests, reportDir } };
}

function wholeNumber(text: string | undefined, byDefault: number): number | undefined {
  if (text === undefined) return byDefault;
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 10 ? value : undefined;
}

function wrong(message: string): ParsedArguments {
  return { kind: "wrong", message };
}
