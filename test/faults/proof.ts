// A case proves nothing unless its fault is seen to have happened.

/** A fault that did not happen. */
export class NotFiredError extends Error {
  override readonly name = "NotFiredError";
}

/** Marks the moment at which what was gone had returned. */
export type Mark = () => void;

/** Returns `proof`; throws NotFiredError where it is none. */
export function fired(isProven: boolean, proof: string): string {
  if (!isProven) throw new NotFiredError(`nothing shows that ${proof}`);
  return proof;
}
