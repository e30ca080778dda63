// Shows how far something long has come: one line that rewrites itself on a terminal, a line now and then elsewhere.

/** Shows progress. */
export type ProgressBar = {
  /** Shows that `done` of `total` are done. */
  update(done: number, total: number): void;
  /** Leaves the line empty again. */
  end(): void;
};

/** Where it is shown. */
export type Screen = { write(text: string): unknown; isTTY?: boolean };

const width = 30;
const everyMsOnTerminal = 200;
const everyMsElsewhere = 15_000;

/** Returns a bar named `label`. */
export function createProgressBar(label: string, screen: Screen, now: () => number = Date.now): ProgressBar {
  const isTerminal = screen.isTTY === true;
  const everyMs = isTerminal ? everyMsOnTerminal : everyMsElsewhere;
  const startedAt = now();
  let shownAt = isTerminal ? 0 : startedAt;
  return {
    update(done, total) {
      if (now() - shownAt < everyMs) return;
      shownAt = now();
      const line = lineOf({ label, done, total, elapsedMs: shownAt - startedAt });
      screen.write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
    },
    end: () => void (isTerminal && screen.write("\r\x1b[K")),
  };
}

/** Returns `label [#####-----] 50 % of 1,000, 3 s, 3 s to go`. */
export function lineOf(at: { label: string; done: number; total: number; elapsedMs: number }): string {
  const { label, done, total, elapsedMs } = at;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const bar = "#".repeat(Math.round(share * width)).padEnd(width, "-");
  const seconds = (ms: number) => `${Math.round(ms / 1_000)} s`;
  const toGo = share > 0 ? `, ${seconds((elapsedMs / share) * (1 - share))} to go` : "";
  return `    ${label} [${bar}] ${Math.floor(share * 100)} % of ${total.toLocaleString("en")}, ${seconds(elapsedMs)}${toGo}`;
}
