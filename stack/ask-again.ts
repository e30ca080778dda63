// Repeats a call of the public API that may be repeated, where its failure may pass: a replica that restarts, a limit that is
// used up for now.

import { Code, ConnectError } from "@connectrpc/connect";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { RetryInfoSchema } from "#gen/google/rpc/error_details";

/** How to repeat. */
export type Patience = {
  /** Waits so many milliseconds. */
  pause: (ms: number) => Promise<unknown>;
  /** Told of each failure that is to be repeated, and of the wait. */
  onFailure: (error: ConnectError, waitMs: number) => void;
};

const triesMax = 8;
const waitMsMax = 15_000;

/**
 * Returns what `ask` returns, asked up to eight times: as long after a failure as its RetryInfo says, otherwise after 1, 2, 4 …
 * seconds, and never after more than 15. Throws the failure that nothing helps against, or the last one.
 */
export async function askAgain<T>(ask: () => Promise<T>, { pause, onFailure }: Patience): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      const waitMs = error instanceof ConnectError ? waitMsAfter(error, tries) : undefined;
      if (waitMs === undefined || tries === triesMax) throw error;
      onFailure(error as ConnectError, waitMs);
      await pause(waitMs);
    }
  }
}

function waitMsAfter(error: ConnectError, tries: number): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay) return Math.min(waitMsMax, durationMs(delay));
  const mayPass = error.code === Code.Unavailable || error.code === Code.DeadlineExceeded;
  return mayPass ? Math.min(waitMsMax, 1_000 * 2 ** (tries - 1)) : undefined;
}
