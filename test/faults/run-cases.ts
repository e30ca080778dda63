// Goes through cases on as few stacks as can be: a stack that a case left whole serves the next one.

import type { FaultCase } from "./fault-case.ts";
import { runCase, type CaseResult } from "./run-case.ts";
import { startFaultStack, type FaultStack } from "./stack.ts";

/** Runs cases. */
export type CaseRunner = {
  run(faultCase: FaultCase): Promise<CaseResult>;
  /** Stops what runs. */
  stop(): Promise<void>;
};

/** Returns a runner that has started nothing yet; `dist/` must be up to date. */
export function createCaseRunner(): CaseRunner {
  let stack: FaultStack | undefined;

  async function stop(): Promise<void> {
    const stopping = stack;
    stack = undefined;
    await stopping?.stop();
  }

  return {
    async run(faultCase) {
      if (stack?.shape !== faultCase.shape) await stop();
      stack ??= await startFaultStack(faultCase.shape);
      const result = await runCase(faultCase, stack);
      if (result.problems.length > 0) await stop();
      return result;
    },
    stop,
  };
}
