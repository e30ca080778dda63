// What `make faults` was asked for: words such as `only=kill/payment,postgres report=.data/faults`.

/** What to run. */
export type FaultArguments = {
  /** Names of cases. */
  names: string[];
  /** True where that is every case: the report begins anew then. */
  isWhole: boolean;
  /** Where the report goes. */
  reportDir: string;
};

/** The arguments, or what is wrong with them. */
export type ParsedArguments = { kind: "parsed"; asked: FaultArguments } | { kind: "wrong"; message: string };

/** Returns what `args` ask for of the cases `names`: all whose name contains one of the words of `only=`. */
export function parseArguments(args: readonly string[], names: readonly string[]): ParsedArguments {
  let wanted: string[] = [""];
  let reportDir = "test/faults/report";
  for (const arg of args) {
    const [word, value = ""] = arg.split("=", 2) as [string, string?];
    if (word === "only" && value !== "") wanted = value.split(",");
    else if (word === "report" && value !== "") reportDir = value;
    else if (word !== "only" && word !== "report") return { kind: "wrong", message: `"${arg}": say only= or report=` };
  }
  const vain = wanted.filter((part) => !names.some((name) => name.includes(part)));
  if (vain.length > 0) return { kind: "wrong", message: `no case is called ${vain.join(", ")}: see test/faults/cases` };
  return {
    kind: "parsed",
    asked: {
      names: names.filter((name) => wanted.some((part) => name.includes(part))),
      isWhole: !args.some((arg) => arg.startsWith("only=")),
      reportDir,
    },
  };
}
