import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createLogger } from "#shared/logger";
import { createSql, type Sql } from "#shared/sql";
import { createHarness, inTime, newKey, orderFor, type Harness } from "../test/harness.ts";
import { createRefunds } from "./refunds.ts";
import { createRefundStore } from "./store-refunds.ts";
import { createRefusalStore } from "./store-refusals.ts";
import { createRepaymentStore } from "./store-repayments.ts";

describe("a repayment", () => {
  let harness: Harness;
  let sql: Sql;
  before(async () => {
    harness = await createHarness();
    sql = createSql({ url: harness.database.urlOf("payment"), poolMax: 2, applicationName: "test" });
  });
  after(async () => {
    await sql.end();
    await harness.stop();
  });

  it("that was refused since it was taken up is not asked for before its pause is over", async () => {
    const key = newKey();
    // Whoever asks for repayments is the spec itself.
    const { client } = await harness.start({ RESUME_INTERVAL_MS: "60000" });
    await client.authorize(orderFor(key), inTime);
    await client.capture({ key }, inTime);
    const refundId = randomUUID();
    await client.refund({ key, refundId }, inTime);
    const [done] = await sql<{ ref: string }[]>`
      select provider_ref as ref from payment.refund where refund_id = ${refundId}`;
    const repayments = createRepaymentStore(sql);
    const refused = createRefusalStore(sql);
    await repayments.noteFailed({ ...key, refundId, ref: done!.ref });
    await sql`update payment.refund set retry_at = now() where payment_id = ${key.paymentId} and repays is not null`;
    const [repayment] = await repayments.takeDue({ claimMs: 1_000, itemsMax: 1 });
    let asked = 0;
    const refunds = createRefunds({
      store: createRefundStore(sql),
      refused,
      askProvider: async () => {
        asked += 1;
        return { kind: "done", ref: "re_2" };
      },
      log: createLogger({ service: "test", level: "silent" }),
    });
    // By whoever took it up before.
    await refused.noteRefund({ ...repayment!, refusals: 1, reason: "other", retryMs: 30_000, isUnsure: true });
    assert.deepEqual([await refunds.repay(repayment!, Date.now() + 5_000), asked], [false, 0]);
    await sql`update payment.refund set retry_at = now() where payment_id = ${key.paymentId} and repays is not null`;
    assert.deepEqual([await refunds.repay(repayment!, Date.now() + 5_000), asked], [true, 1]);
  });
});
