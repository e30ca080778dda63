// What the user of `make up` sees: a line a step, with how long it took.

/** Prints steps. */
export type Progress = {
  /** Runs a step and prints its line. The step returns what is worth saying about its result. */
  step<T>(name: string, run: () => Promise<T>, detail?: (result: T) => string): Promise<T>;
  /** Prints a line as it is. */
  say(line: string): void;
};

/** Returns a progress that prints with `print`. */
export function createProgress(print: (line: string) => void): Progress {
  return {
    say: print,
    async step(name, run, detail) {
      const startedAt = performance.now();
      const result = await run();
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      print(`  ${name.padEnd(12)} ${seconds.padStart(5)} s   ${detail?.(result) ?? ""}`.trimEnd());
      return result;
    },
  };
}
