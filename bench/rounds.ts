// How many rounds, and how long each, for what is compared.

import type { Size } from "./arguments.ts";

/** Rounds of a comparison. */
export type Rounds = { rounds: number; seconds: number; warmUpSeconds: number };

/** Every comparison's rounds but where a scenario says otherwise. */
export const roundsBySize: Record<Size, Rounds> = {
  full: { rounds: 3, seconds: 8, warmUpSeconds: 5 },
  quick: { rounds: 2, seconds: 2, warmUpSeconds: 1 },
  check: { rounds: 2, seconds: 1.5, warmUpSeconds: 1 },
};
