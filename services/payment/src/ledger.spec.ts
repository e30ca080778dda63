import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { LedgerBreak } from "#gen/boxoffice/payment/v1/payment";
import { createHarness, inTime, newKey, orderFor, until, type Client, type Harness } from "../test/harness.ts";

describe("the ledger, asked through the service", () => {
  let harness: Harness;
  let client: Client;
  before(async () => {
    harness = await createHarness();
    ({ client } = await harness.start({ SEAL_INTERVAL_MS: "20" }));
    await harness.start({ SEAL_INTERVAL_MS: "20", SEAL_ITEMS_MAX: "1" });
  });
  after(() => harness.stop());

  const capture = async (order: ReturnType<typeof orderFor>) => {
    await client.authorize(order, inTime);
    await client.capture({ key: order.key }, inTime);
  };
  const sealedAll = async () => {
    const { unsealed, done } = await client.verifyLedger({}, inTime);
    return unsealed === 0n && done;
  };

  it("has time to be read beyond that after which silence counts as the loss of a connection", async () => {
    const hasty = await harness.start({ STATEMENT_TIMEOUT_MS: "100" });
    const { sql } = harness.database;
    const connection = await sql.reserve();
    await connection`begin`;
    await connection`lock table payment.ledger_link in access exclusive mode`;
    const walked = hasty.client.verifyLedger({}, inTime);
    walked.catch(() => {});
    const isSilentFor3s = async () => {
      const rows = await sql`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query_start < now() - interval '3 seconds'`;
      return rows.length > 0;
    };
    try {
      await until(isSilentFor3s);
    } finally {
      await connection`rollback`;
      connection.release();
    }
    assert.equal((await walked).broken, undefined);
    await hasty.stop();
  });

  it("is sealed by itself, whoever posted, and is whole", async () => {
    const keys = Array.from({ length: 20 }, newKey);
    await Promise.all(keys.map((key) => capture(orderFor(key))));
    await client.refund({ key: keys[0]!, refundId: randomUUID() }, inTime);
    await until(sealedAll);
    const { verified, headLink, done, broken } = await client.verifyLedger({}, inTime);
    assert.deepEqual([verified?.link, headLink, done, broken], [21n, 21n, true, undefined]);
    const first = await client.verifyLedger({ linksMax: 20 }, inTime);
    assert.deepEqual([first.verified?.link, first.done], [20n, false]);
    const rest = await client.verifyLedger({ after: first.verified!, linksMax: 20 }, inTime);
    assert.deepEqual([rest.verified, rest.done], [verified, true]);
  });

  it("refuses a position that has no hash", async () => {
    await assert.rejects(client.verifyLedger({ after: { link: 3n } }, inTime), { code: Code.InvalidArgument });
  });

  it("says what an event took, gave back and paid for it, area by area", async () => {
    const { eventId } = newKey();
    const order = (areaId: string, token?: string) => ({ ...orderFor({ ...newKey(), eventId }, token), areaId });
    const [refunded, sorry] = [order("stalls"), order("stalls")];
    for (const each of [order("stalls"), sorry, order("floor"), order(""), refunded]) await capture(each);
    await client.refund({ key: refunded.key, refundId: randomUUID() }, inTime);
    const part = { amountMinor: 500n, returnedMinor: 0n };
    await client.refund({ key: sorry.key, refundId: randomUUID(), part }, inTime);
    for (const each of [order("floor"), order("floor", "tok_decline")]) await client.authorize(each, inTime);
    await capture({ ...order("balcony"), amount: { currencyCode: "USD", amountMinor: 7n } });
    await harness.database.sql.begin(async (tx) => {
      const { paymentId } = refunded.key;
      await tx`
        insert into payment.ledger_transaction (event_id, payment_id, kind, area_id)
        values (${eventId}, ${paymentId}, 'fee', 'stalls')`;
      await tx`
        insert into payment.ledger_entry (event_id, payment_id, kind, account, currency_code, amount_minor)
        values (${eventId}, ${paymentId}, 'fee', 'provider_fees', 'EUR', 30),
          (${eventId}, ${paymentId}, 'fee', 'provider_receivable', 'EUR', -30)`;
    });
    const { areas } = await client.getSaleFigures({ eventId: eventId.toUpperCase() }, inTime);
    assert.deepEqual(
      areas.map((area) => [
        ...[area.areaId, area.currencyCode],
        ...[area.revenueMinor, area.refundsMinor, area.returnedMinor, area.feesMinor, area.inFlightMinor],
      ]),
      [
        ["", "EUR", 4_200n, 0n, 0n, 0n, 0n],
        ["balcony", "USD", 7n, 0n, 0n, 0n, 0n],
        ["floor", "EUR", 4_200n, 0n, 0n, 0n, 4_200n],
        ["stalls", "EUR", 12_600n, 4_700n, 4_200n, 30n, 0n],
      ],
    );
    assert.deepEqual((await client.getSaleFigures({ eventId: randomUUID() }, inTime)).areas, []);
  });

  it("names what was changed behind its back", async () => {
    const key = newKey();
    await capture(orderFor(key));
    await until(sealedAll);
    await harness.database.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update payment.ledger_entry set amount_minor = -amount_minor where payment_id = ${key.paymentId}`;
    });
    const { broken, done, headLink } = await client.verifyLedger({}, inTime);
    assert.equal(done, false);
    assert.deepEqual(
      [broken?.link, broken?.kind, broken?.eventId, broken?.paymentId, broken?.transactionKind],
      [headLink, LedgerBreak.ALTERED, key.eventId, key.paymentId, "capture"],
    );
    assert.match(broken!.description, /not those that were sealed/);
  });

  it("takes the first area that a payment was asked for with, and a repeat that names none for the same request", async () => {
    const order = orderFor(newKey());
    await client.authorize(order, inTime);
    await capture({ ...order, areaId: "" });
    const { areas } = await client.getSaleFigures({ eventId: order.key.eventId }, inTime);
    assert.deepEqual(
      areas.map(({ areaId, revenueMinor }) => [areaId, revenueMinor]),
      [["stalls", 4_200n]],
    );
  });
});
