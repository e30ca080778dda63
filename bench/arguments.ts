// What `make bench` was asked for: words such as `only=capacity,hot-area quick=1 soak=600`. Whatever is not understood is
// refused before anything starts: a slip of the pen must not cost an hour.

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

/** The arguments, or what is wrong with them, or that only the words were asked for. */
export type ParsedArguments =
  { kind: "parsed"; asked: BenchArguments } | { kind: "wrong"; message: string } | { kind: "help" };

/** Every word with what it means, for people. */
const words = {
  only: "only=capacity,soak   these scenarios; the report keeps its other sections",
  quick: "quick=1              a few minutes, to see that all of it works; into .data/bench-report/",
  soak: "soak=60              seconds of the soak; 600 by default",
  million: "million=1000000      requests of the scenario million; 200,000 by default, and then there is no figure",
  report: "report=DIR           where the report goes; bench/report by default",
  check: "check=1              what make bench-check does",
  help: "help=1               this",
} as const;
type Word = keyof typeof words;

const bySize = {
  full: { soakSeconds: 600, millionRequests: 200_000, reportDir: "bench/report" },
  quick: { soakSeconds: 15, millionRequests: 20_000, reportDir: ".data/bench-report" },
  check: { soakSeconds: 15, millionRequests: 20_000, reportDir: undefined },
};
const checked = ["capacity", "hot-area", "refusals", "edge", "batching"];

/** Returns what `args` ask for; `names` are the scenarios that exist. Empty values count as not given. */
export function parseArguments(args: readonly string[], names: readonly string[]): ParsedArguments {
  const given = new Map<Word, string>();
  for (const arg of args) {
    const [word, value] = splitAt(arg, "=");
    if (!isWord(word) || value === undefined) return wrong(`"${arg}" is none of its words:\n${wordsText}`);
    if (given.has(word)) return wrong(`${word}= is said twice`);
    if (value !== "") given.set(word, value);
  }
  for (const flag of ["quick", "check", "help"] as const) {
    if ((given.get(flag) ?? "1") !== "1") return wrong(`${flag}= takes 1, or is left out`);
  }
  if (given.has("help")) return { kind: "help" };
  if (given.has("quick") && given.has("check")) return wrong("quick=1 and check=1 exclude each other");
  const size = given.has("check") ? "check" : given.has("quick") ? "quick" : "full";

  const only = given.get("only")?.split(",") ?? (size === "check" ? checked : names);
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) return wrong(`there is no scenario "${unknown.join('", "')}": there are ${names.join(", ")}`);
  for (const scenario of ["soak", "million"] as const) {
    if (given.has(scenario) && !only.includes(scenario)) {
      return wrong(`${scenario}= is for the scenario ${scenario}, which is not to be measured`);
    }
  }
  const soakSeconds = wholeNumber(given.get("soak"), bySize[size].soakSeconds);
  const millionRequests = wholeNumber(given.get("million"), bySize[size].millionRequests);
  if (soakSeconds === undefined) return wrong("soak= takes whole seconds, 10 or more");
  if (millionRequests === undefined) return wrong("million= takes a whole number of requests, 10 or more");
  const reportDir = given.get("report") ?? bySize[size].reportDir;
  return { kind: "parsed", asked: { size, only, soakSeconds, millionRequests, reportDir } };
}

/** Returns what `make bench` can be asked for, as `help=1` prints it. */
export function helpText(scenarios: readonly { name: string; title: string }[]): string {
  const lines = scenarios.map(({ name, title }) => `  ${name.padEnd(12)} ${title}`);
  return `make bench takes these words:\n${wordsText}\n\nand measures these scenarios:\n${lines.join("\n")}`;
}

const wordsText = Object.values(words)
  .map((line) => `  ${line}`)
  .join("\n");

function isWord(text: string): text is Word {
  return Object.hasOwn(words, text);
}

function splitAt(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function wholeNumber(text: string | undefined, byDefault: number): number | undefined {
  if (text === undefined) return byDefault;
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 10 ? value : undefined;
}

function wrong(message: string): ParsedArguments {
  return { kind: "wrong", message };
}
