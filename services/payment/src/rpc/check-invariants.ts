import type { Method } from "./context.ts";

/** Checks the promises that payment can see. */
export const checkInvariants: Method<"checkInvariants"> =
  ({ invariants }) =>
  async ({ scope }, call) => {
    const checks = await invariants.check(scope?.eventId || undefined, call);
    return {
      reports: checks.map(({ violations, examined, ...check }) => ({
        ...check,
        violations: BigInt(violations),
        examined: BigInt(examined),
      })),
    };
  };
