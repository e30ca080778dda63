/** The stack can't start, for a reason that its user can mend; the message names it and the remedy, in one line. */
export class StackError extends Error {
  override readonly name = "StackError";
}
