import assert from "node:assert/strict";
import { createLogger } from "#shared/logger";
import { Registry } from "#shared/metrics";
import { createAskProvider } from "./ask-provider.ts";
import type { ProviderRequest, ProviderResult } from "./providers/provider.ts";

const request: ProviderRequest = { kind: "capture", idempotencyKey: "k", reference: "p", authorizationRef: "a" };
const done: ProviderResult = { kind: "done", ref: "x" };
const unknown: ProviderResult = { kind: "unknown", cause: "timeout" };

describe("ask provider", () => {
  it("asks again while the answer is unknown, with the same request, and stops at the first that is known", async () => {
    const { ask, seen } = providerWith([unknown, unknown, done]);
    assert.deepEqual(await ask(request, Date.now() + 60_000), done);
    assert.deepEqual(
      seen.map(({ asked }) => asked),
      [request, request, request],
    );
  });

  it("does not argue with a decline", async () => {
    const { ask, seen } = providerWith([{ kind: "declined", reason: "other" }]);
    assert.equal((await ask(request, Date.now() + 60_000)).kind, "declined");
    assert.equal(seen.length, 1);
  });

  it("gives up after its tries", async () => {
    const { ask, seen } = providerWith([]);
    assert.deepEqual(await ask(request, Date.now() + 60_000), unknown);
    assert.equal(seen.length, 3);
  });

  it("keeps a try within what the caller has left, and time to write the result", async () => {
    const { ask, seen } = providerWith([done]);
    await ask(request, Date.now() + 1_000);
    assert.ok(seen[0]!.timeoutMs <= 750);
    assert.equal((await ask(request, Date.now() + 100)).kind, "unknown");
    assert.equal(seen.length, 1);
  });

  it("does not pause when the pause would outlast its caller", async () => {
    const { ask, seen } = providerWith([], { random: () => 1, pauseMsMax: 60_000 });
    assert.deepEqual(await ask(request, Date.now() + 10_000), unknown);
    assert.equal(seen.length, 1);
  });

  it("stops repeating when the budget is spent, so that a provider that is down is not hit three times as hard", async () => {
    const { ask, seen } = providerWith([]);
    for (let call = 0; call < 500; call += 1) await ask(request, Date.now() + 60_000);
    assert.ok(seen.length <= 500 + 100 + 500 * 0.2, String(seen.length));
  });
});

function providerWith(answers: ProviderResult[], changed: { random?: () => number; pauseMsMax?: number } = {}) {
  const seen: { asked: ProviderRequest; timeoutMs: number }[] = [];
  const provider = {
    send: async (asked: ProviderRequest, timeoutMs: number) => {
      seen.push({ asked, timeoutMs });
      return answers[seen.length - 1] ?? unknown;
    },
  };
  const askProvider = createAskProvider({
    triesMax: 3,
    tryMsMax: 5_000,
    pauseMsMax: 100,
    random: () => 0,
    log: createLogger({ service: "test", level: "silent" }),
    metrics: new Registry(),
    ...changed,
  });
  const ask = (asked: ProviderRequest, deadlineAtMs: number) => askProvider(provider, asked, deadlineAtMs);
  return { ask, seen };
}
