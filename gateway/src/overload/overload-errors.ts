// What a caller is told for whom there is no room.

import { RefusalReason } from "#stubs";
import type { ConnectError } from "@connectrpc/connect";
import { createRefusal } from "#shared/refusal";
import { prepareError } from "../http/prepared-errors.ts";
import { edgeErrorFromRefusal } from "../rpc/errors.ts";
import { retryDelaysMs } from "./retry-delays.ts";

/** OVERLOADED with each of `retryDelaysMs`, in their order. */
export const overloadErrors: readonly ConnectError[] = retryDelaysMs.map((retryAfterMs) =>
  prepareError(edgeErrorFromRefusal(createRefusal(RefusalReason.OVERLOADED, "the system is busy", { retryAfterMs }))),
);
