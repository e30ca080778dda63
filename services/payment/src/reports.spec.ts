import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Code, type ConnectError } from "@connectrpc/connect";
import { CallerGoneError } from "#shared/batcher";
import { transact } from "#shared/transaction";
import { createHarness, until, type Client, type Harness } from "../test/harness.ts";
import { createInvariantStore } from "./store-invariants.ts";

describe("reports", () => {
  let harness: Harness;
  let client: Client;
  before(async () => {
    harness = await createHarness();
    ({ client } = await harness.start());
  });
  after(() => harness.stop());

  it("are read two at a time, ten more wait, and the rest is refused at once", async () => {
    const outcomes: string[] = [];
    const report = async () => {
      const reading = client.getSaleFigures({ eventId: randomUUID() }, { timeoutMs: 60_000 });
      const outcome = reading.then(
        () => "read",
        (error: ConnectError) => Code[error.code],
      );
      outcomes.push((await outcome)!);
    };
    // Nothing is read while somebody else has the ledger.
    const reports = await transact(harness.database.sql, async (tx) => {
      await tx`lock table payment.ledger_transaction in access exclusive mode`;
      const started = Array.from({ length: 20 }, report);
      await until(() => outcomes.length >= 8);
      assert.deepEqual(outcomes, Array<string>(8).fill("ResourceExhausted"));
      return { started };
    });
    await Promise.all(reports.started);
    assert.deepEqual(outcomes.slice(8), Array<string>(12).fill("read"));
  });

  it("end where their caller has gone, with the statement that runs", async () => {
    const { check } = createInvariantStore(harness.database.sql);
    await assert.rejects(check(undefined, { deadlineAtMs: Date.now() - 1 }), CallerGoneError);
    let looks = 0;
    const isGone = () => (looks += 1) > 2;
    await assert.rejects(check(undefined, { deadlineAtMs: Infinity, isGone }), CallerGoneError);
    assert.equal(looks, 3);
  });
});
