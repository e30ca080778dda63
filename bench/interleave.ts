// Rounds: what is compared is measured in turn, forwards and backwards (A B B A …), so that a machine that slows down or
// speeds up meanwhile does so for all of them.

/** Runs every variant once a round; returns each variant's results, in the order of the rounds. */
export async function interleave<Variant, Result>(
  variants: readonly Variant[],
  rounds: number,
  run: (variant: Variant, round: number) => Promise<Result>,
): Promise<Result[][]> {
  const results: Result[][] = variants.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    const order = variants.map((_, index) => index);
    if (round % 2 === 1) order.reverse();
    for (const index of order) results[index]!.push(await run(variants[index]!, round));
  }
  return results;
}

/** Returns `above[i] / below[i]` for each round; rounds that lack one of them are left out. */
export function ratiosOf(above: readonly (number | undefined)[], below: readonly (number | undefined)[]): number[] {
  return above.flatMap((value, round) => {
    const by = below[round];
    return value === undefined || by === undefined || by === 0 ? [] : [value / by];
  });
}
