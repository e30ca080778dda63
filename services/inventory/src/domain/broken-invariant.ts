/** What was read contradicts what must always hold. Nothing may be written on its ground. */
export class BrokenInvariantError extends Error {
  override readonly name = "BrokenInvariantError";
}
