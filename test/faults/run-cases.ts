// Goes through cases on as few stacks as can be: a stack that a case left whole serves the next one.

import type { FaultCase } from "./fault-case.ts";
import { runCase, type CaseResult } from "./run-case.ts";
import { startFaultStack, type FaultStack, type Shape } from "./stack.ts";

/** Runs cases. */
export type CaseRunner = {
  run(faultCase: FaultCase): Promise<CaseResult>;
  /** Stops what runs. */
  stop(): Promise<void>;
};

/** Returns a runner that has started nothing yet; `dist/` must be up to date. */
export function createCaseRunner(): CaseRunner {
  // Also while it starts, so that an interruption leaves nothing running.
  let starting: { shape: Shape; stack: Promise<FaultStack> } | undefined;

  async function stop(): Promise<void> {
    const stopping = starting;
    starting = undefined;
    // Where it could not be started it has stopped itself.
    await stopping?.stack.then(
      (stack) => stack.stop(),
      () => {},
    );
  }

  return {
    async run(faultCase) {
      const { shape } = faultCase;
      if (starting?.shape !== shape) await stop();
      starting ??= { shape, stack: startFaultStack(shape) };
      const result = await runCase(faultCase, await starting.stack);
      // An issuer that was started anew has other keys, which a gateway fetches once in half a minute at most.
      const hasOtherKeys = faultCase.fault.kind === "kill" && faultCase.fault.victim === "issuer";
      if (result.problems.length > 0 || hasOtherKeys) await stop();
      return result;
    },
    stop,
  };
}
