import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createSql, type Sql } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { newKey } from "../test/harness.ts";
import { PaymentState, type PaymentKey } from "./domain/payment.ts";
import { createStore, type Move, type Store } from "./store.ts";
import { indexLookupSettings } from "#shared/planner-settings";
import { createChainStore } from "./store-chain.ts";
import { createInvariantStore } from "./store-invariants.ts";
import type { Refund } from "./domain/refund.ts";
import { createRefundStore } from "./store-refunds.ts";

const { AUTHORIZING, AUTHORIZED, CAPTURING, CAPTURED, DECLINED, REFUNDED, VOIDED, VOIDING } = PaymentState;

describe("store", () => {
  let database: TestDatabase;
  let sql: Sql;
  let store: Store;
  before(async () => {
    database = await createTestDatabase();
    sql = createSql({
      url: database.urlOf("payment"),
      poolMax: 4,
      applicationName: "test",
      settings: indexLookupSettings,
    });
    store = createStore(sql);
  });
  after(async () => {
    await sql.end();
    await database.drop();
  });

  const walk = async (key: PaymentKey, ...states: PaymentState[]) => {
    await store.create([creationOf(key)]);
    let from: PaymentState = AUTHORIZING;
    for (const to of states) {
      const [payment] = await store.move([moveOf(key, from, to)]);
      assert.equal(payment?.state, to);
      from = to;
    }
  };
  const toCaptured = [AUTHORIZED, CAPTURING, CAPTURED];
  /** Captures and refunds a payment; returns the refund's id. */
  const walkToRefunded = async (key: PaymentKey): Promise<string> => {
    await walk(key, ...toCaptured);
    const refunds = createRefundStore(sql);
    const refundId = randomUUID();
    const { decision } = await refunds.begin({ ...key, refundId, part: undefined });
    assert.equal(decision.kind, "ask");
    await refunds.finish(key, (decision as { refund: Refund }).refund, "ref");
    return refundId;
  };

  it("keeps what the provider prepared first, and the token with it", async () => {
    const key = newKey();
    await store.create([{ ...creationOf(key), paymentMethodToken: "tok" }]);
    const prepare = async (ref: string) => (await store.move([{ ...moveOf(key, AUTHORIZING, AUTHORIZING), ref }]))[0]!;
    for (const ref of ["first", "second"]) {
      const { state, authorizationRef, paymentMethodToken } = await prepare(ref);
      assert.deepEqual([state, authorizationRef, paymentMethodToken], [AUTHORIZING, "first", "tok"]);
    }
    await store.move([moveOf(key, AUTHORIZING, VOIDING)]);
    assert.equal((await prepare("third")).state, VOIDING);
  });

  it("makes a payment once, and returns it as it stands for every repeat, in the order asked", async () => {
    const [one, two] = [newKey(), newKey()];
    await walk(two, AUTHORIZED);
    const made = await store.create([one, two, one].map(creationOf));
    assert.deepEqual(
      made.map((payment) => [payment?.paymentId, payment?.state]),
      [
        [one.paymentId, AUTHORIZING],
        [two.paymentId, AUTHORIZED],
        [one.paymentId, AUTHORIZING],
      ],
    );
    assert.deepEqual(made[0]!.order, creationOf(one).order);
  });

  it("lets the first of several moves of one payment count, and moves only from the expected state", async () => {
    const [key, missing] = [newKey(), newKey()];
    await walk(key, AUTHORIZED);
    const moved = await store.move([
      moveOf(key, AUTHORIZED, CAPTURING),
      moveOf(key, AUTHORIZED, PaymentState.VOIDING),
      moveOf(missing, AUTHORIZED, CAPTURING),
    ]);
    assert.deepEqual(
      moved.map((payment) => payment?.state),
      [CAPTURING, CAPTURING, undefined],
    );
    const [late] = await store.move([moveOf(key, AUTHORIZING, DECLINED)]);
    assert.equal(late?.state, CAPTURING);
  });

  it("batches that meet in opposite order both end", async () => {
    const keys = Array.from({ length: 100 }, newKey);
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([store.create(keys.map(creationOf)), store.create(keys.toReversed().map(creationOf))]);
      await Promise.all([
        store.move(keys.map((key) => moveOf(key, AUTHORIZING, AUTHORIZED))),
        store.move(keys.toReversed().map((key) => moveOf(key, AUTHORIZING, AUTHORIZED))),
      ]);
    }
    assert.ok((await store.read(keys)).every((payment) => payment?.state === AUTHORIZED));
  });

  it("posts a capture and a refund with the state, each in two entries that cancel out", async () => {
    const key = newKey();
    await walkToRefunded(key);
    const entries = await sql<{ kind: string; account: string; amount_minor: number }[]>`
      select kind, account, amount_minor from payment.ledger_entry where payment_id = ${key.paymentId}
      order by kind, amount_minor`;
    assert.deepEqual(
      entries.map(({ kind, account, amount_minor }) => [kind, account, amount_minor]),
      [
        ["capture", "ticket_sales", -4_200],
        ["capture", "provider_receivable", 4_200],
        ["refund", "provider_receivable", -4_200],
        ["refund", "ticket_refunds", 4_200],
      ],
    );
  });

  it("finds payments by their key although the table was empty when its statements were planned", async () => {
    const scans = async () => {
      const [row] = await one<{ count: number }[]>`
        select seq_scan as count from pg_stat_xact_user_tables where schemaname = 'payment' and relname = 'payment'`;
      return row!.count;
    };
    const one = createSql({
      url: database.urlOf("payment"),
      poolMax: 1,
      applicationName: "test",
      settings: indexLookupSettings,
    });
    const own = createStore(one);
    const key = newKey();
    await one`begin`;
    for (let round = 0; round < 10; round += 1) {
      await own.create([creationOf(key)]);
      await own.move([moveOf(key, AUTHORIZING, AUTHORIZED)]);
      await own.read([key]);
      await own.takeStale({ untouchedMs: 60_000, itemsMax: 10 });
    }
    assert.equal(await scans(), 0);
    await one`rollback`;
    await one.end();
  });

  it("gives each stale payment to one replica only", async () => {
    const keys = Array.from({ length: 20 }, newKey);
    await store.create(keys.map(creationOf));
    const taken = await Promise.all([1, 2, 3].map(() => store.takeStale({ untouchedMs: 0, itemsMax: 1_000 })));
    const ids = taken.flat().map(({ paymentId }) => paymentId);
    for (const { paymentId } of keys) assert.ok(ids.includes(paymentId));
    assert.deepEqual(await store.takeStale({ untouchedMs: 60_000, itemsMax: 1_000 }), []);
  });

  describe("the ledger", () => {
    const post = (key: PaymentKey, amounts: [string, number][], as: Sql = sql) =>
      as.begin(async (tx) => {
        await tx`insert into payment.ledger_transaction (event_id, payment_id, kind)
          values (${key.eventId}, ${key.paymentId}, 'capture')`;
        await tx`insert into payment.ledger_entry
            (event_id, payment_id, kind, account, currency_code, amount_minor)
          select ${key.eventId}, ${key.paymentId}, 'capture', account, currency, amount
          from unnest(
            ${["provider_receivable", "ticket_sales"]}::text[], ${amounts.map(([currency]) => currency)}::text[],
            ${amounts.map(([, amount]) => amount)}::bigint[]) as e (account, currency, amount)`;
      });

    it("takes no transaction that does not add up to zero in each currency, whoever writes it", async () => {
      for (const amounts of [
        [
          ["EUR", 5],
          ["EUR", -4],
        ],
        [
          ["EUR", 5],
          ["USD", -5],
        ],
      ] as [string, number][][]) {
        await assert.rejects(post(newKey(), amounts), /add up to zero/);
        await assert.rejects(post(newKey(), amounts, database.sql), /add up to zero/);
      }
      await post(newKey(), [
        ["EUR", 5],
        ["EUR", -5],
      ]);
    });

    it("takes no second capture of a payment", async () => {
      const key = newKey();
      await post(key, [
        ["EUR", 5],
        ["EUR", -5],
      ]);
      await assert.rejects(
        post(key, [
          ["EUR", 5],
          ["EUR", -5],
        ]),
        /ledger_transaction_pkey/,
      );
    });

    it("can't be changed or shortened by the service's role, nor by a slip of the owner's", async () => {
      for (const table of ["payment.ledger_transaction", "payment.ledger_entry", "payment.ledger_link"]) {
        for (const statement of [
          `update ${table} set kind = 'refund'`,
          `delete from ${table}`,
          `truncate ${table} cascade`,
        ]) {
          await assert.rejects(sql.unsafe(statement), /permission denied/);
          await assert.rejects(database.sql.unsafe(statement), /append only/);
        }
      }
      await assert.rejects(sql`delete from payment.payment`, /permission denied/);
    });

    it("grants the service's role nothing but reading and adding, whatever the privilege is called", async () => {
      const grants = await database.sql<{ table: string; privileges: string }[]>`
        select table_name as table, string_agg(privilege_type, ' ' order by privilege_type) as privileges
        from information_schema.role_table_grants
        where grantee = 'boxoffice_payment' and table_name like 'ledger%'
        group by table_name order by table_name`;
      assert.deepEqual(
        grants.map(({ table, privileges }) => `${table}: ${privileges}`),
        [
          "ledger_entry: INSERT SELECT",
          "ledger_link: INSERT SELECT",
          "ledger_transaction: INSERT SELECT",
          "ledger_unsealed: DELETE INSERT SELECT",
        ],
      );
    });
  });

  describe("invariants", () => {
    const violations = async (eventId: string) => {
      const checks = await createInvariantStore(sql).check(eventId);
      return Object.fromEntries(
        checks.filter((check) => check.violations > 0).map((check) => [check.name, check.examples]),
      );
    };

    it("hold for payments in every state, tombstones too, and say how much was looked at", async () => {
      const eventId = newKey().eventId;
      const key = () => ({ ...newKey(), eventId });
      await walk(key());
      await walk(key(), DECLINED);
      await walk(key(), ...toCaptured);
      await walkToRefunded(key());
      await store.create([{ ...key(), order: undefined, paymentMethodToken: undefined }]);
      const checks = await createInvariantStore(sql).check(eventId);
      assert.deepEqual(
        checks.map(({ promise, name, violations: found, examined }) => [promise, name, found, examined]),
        [
          [5, "payment.captured_once", 0, 5],
          [5, "payment.refunds_posted_once", 0, 1],
          [5, "payment.refunded_within_captured", 0, 5],
          [5, "payment.none_stuck", 0, 1],
          [5, "payment.nothing_refused", 0, 0],
          [5, "payment.owed_is_repaid", 0, 0],
          [6, "payment.disputes_posted", 0, 0],
          [6, "payment.fees_of_captures", 0, 0],
          [6, "payment.transactions_balance", 0, 3],
          [6, "payment.currencies_balance", 0, 1],
          [6, "payment.ledger_is_chained", 0, 3],
        ],
      );
      assert.ok((await createInvariantStore(sql).check(undefined))[0]!.examined > 5);
    });

    it("find a capture without its posting, and a posting of another amount", async () => {
      const key = newKey();
      await walk(key, ...toCaptured);
      await database.sql`update payment.payment set amount_minor = 1 where payment_id = ${key.paymentId}`;
      assert.deepEqual(await violations(key.eventId), { "payment.captured_once": [key.paymentId] });
      await walk({ ...newKey(), eventId: key.eventId }, AUTHORIZED);
      await database.sql`update payment.payment set state = 5, capture_ref = 'x' where event_id = ${key.eventId}`;
      assert.equal((await violations(key.eventId))["payment.captured_once"]!.length, 2);
    });

    it("find a posting that belongs to no captured payment", async () => {
      const [key, orphan] = [newKey(), newKey()];
      await walkToRefunded(key);
      await database.sql`update payment.payment set state = 7, capture_ref = null where payment_id = ${key.paymentId}`;
      assert.deepEqual(await violations(key.eventId), {
        "payment.captured_once": [key.paymentId],
        "payment.refunded_within_captured": [key.paymentId],
      });
      await walk(orphan, ...toCaptured);
      await database.sql`delete from payment.payment where payment_id = ${orphan.paymentId}`;
      assert.deepEqual(await violations(orphan.eventId), { "payment.captured_once": [orphan.paymentId] });
    });

    it("find a refund without its posting, one of another amount, and one that the payment knows nothing of", async () => {
      const [unposted, wrong, uncounted] = [newKey(), newKey(), newKey()];
      for (const key of [unposted, wrong, uncounted]) await walkToRefunded(key);
      await database.sql.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx`delete from payment.ledger_transaction where payment_id = ${unposted.paymentId} and kind = 'refund'`;
        await tx`delete from payment.ledger_entry where payment_id = ${unposted.paymentId} and kind = 'refund'`;
      });
      await database.sql`update payment.refund set amount_minor = 1 where payment_id = ${wrong.paymentId}`;
      await database.sql`
        update payment.payment set state = 5, refunded_minor = 0 where payment_id = ${uncounted.paymentId}`;
      const refunds = async (key: PaymentKey) => Object.keys(await violations(key.eventId));
      assert.deepEqual(await refunds(unposted), ["payment.refunds_posted_once"]);
      assert.deepEqual(await refunds(wrong), ["payment.refunds_posted_once", "payment.refunded_within_captured"]);
      assert.deepEqual(await refunds(uncounted), ["payment.refunded_within_captured"]);
    });

    it("find what has been stuck for a minute, but not an authorisation that is still being asked for", async () => {
      const { eventId } = newKey();
      const [authorizing, capturing] = [
        { ...newKey(), eventId },
        { ...newKey(), eventId },
      ];
      await walk(authorizing);
      await walk(capturing, AUTHORIZED, CAPTURING);
      await database.sql`update payment.payment set updated_at = now() - interval '61 seconds' where event_id = ${eventId}`;
      assert.deepEqual(await violations(eventId), { "payment.none_stuck": [capturing.paymentId] });
      await database.sql`
        update payment.payment set attempted_at = now() - interval '61 seconds'
        where payment_id = ${authorizing.paymentId}`;
      assert.deepEqual(
        (await violations(eventId))["payment.none_stuck"]?.toSorted(),
        [authorizing.paymentId, capturing.paymentId].toSorted(),
      );
    });

    it("find what nobody has sealed for a minute, and a link that does not follow the one before", async () => {
      const chain = createChainStore(sql, sql);
      await chain.seal({ itemsMax: 5_000 });
      const key = newKey();
      await walkToRefunded(key);
      const chained = async () => (await violations(key.eventId))["payment.ledger_is_chained"];
      const change = (statement: string) =>
        database.sql.begin(async (tx) => {
          await tx`set local session_replication_role = replica`;
          await tx.unsafe(statement);
        });
      await change(`update payment.ledger_transaction set created_at = created_at - interval '61 seconds'
        where payment_id = '${key.paymentId}' and kind = 'capture'`);
      assert.deepEqual(await chained(), [`${key.paymentId}:capture`]);
      await chain.seal({ itemsMax: 5_000 });
      assert.equal(await chained(), undefined);
      await change(`update payment.ledger_link set hash = decode(md5('x') || md5('y'), 'hex')
        where payment_id = '${key.paymentId}' and kind = 'capture'`);
      assert.deepEqual((await chained())?.toSorted(), [`${key.paymentId}:capture`, `${key.paymentId}:refund`]);
    });

    it("find a ledger that does not balance, and a transaction without entries", async () => {
      const [key, empty] = [newKey(), newKey()];
      await walk(key, ...toCaptured);
      await walk(empty, ...toCaptured);
      await database.sql.begin(async (tx) => {
        await tx`alter table payment.ledger_entry disable trigger append_only`;
        await tx`update payment.ledger_entry set amount_minor = -1
          where payment_id = ${key.paymentId} and account = 'ticket_sales'`;
        await tx`delete from payment.ledger_entry where payment_id = ${empty.paymentId}`;
        await tx`alter table payment.ledger_entry enable trigger append_only`;
      });
      assert.deepEqual(await violations(key.eventId), {
        "payment.transactions_balance": [`${key.paymentId}:capture`],
        "payment.currencies_balance": ["EUR"],
      });
      assert.deepEqual(Object.keys(await violations(empty.eventId)), [
        "payment.captured_once",
        "payment.transactions_balance",
      ]);
    });
  });

  it("keeps nonsense out whatever the code above it does", async () => {
    const key = newKey();
    await walk(key);
    const wrong = [
      sql`update payment.payment set state = 10 where payment_id = ${key.paymentId}`,
      sql`update payment.payment set state = ${VOIDED} where payment_id = ${key.paymentId}`,
      sql`update payment.payment set state = ${DECLINED}, payment_method_token = null where payment_id = ${key.paymentId}`,
      sql`update payment.payment set state = ${REFUNDED}, payment_method_token = null where payment_id = ${key.paymentId}`,
      sql`update payment.payment set customer_id = null where payment_id = ${key.paymentId}`,
    ];
    for (const statement of wrong) await assert.rejects(statement, /violates check constraint/);
  });
});

function creationOf(key: PaymentKey) {
  return {
    ...key,
    order: {
      reservationId: key.paymentId,
      customerId: "c",
      areaId: "stalls",
      amountMinor: 4_200,
      currencyCode: "EUR",
      requestHash: "00ff",
      provider: "sandbox",
    },
    paymentMethodToken: "tok_approve",
  };
}

function moveOf({ eventId, paymentId }: PaymentKey, from: PaymentState, to: PaymentState): Move {
  return {
    eventId,
    paymentId,
    from,
    to,
    ref: "ref",
    actionUrl: undefined,
    declineReason: to === DECLINED ? "other" : undefined,
    fee: undefined,
  };
}
