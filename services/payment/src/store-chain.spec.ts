import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { indexLookupSettings } from "#shared/planner-settings";
import { createSql, type Sql, type Transaction } from "#shared/sql";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import type { ChainPosition, TransactionKey } from "./domain/ledger-chain.ts";
import { createChainStore, type ChainStore } from "./store-chain.ts";
import { verifyLedger, type Verification } from "./verify-ledger.ts";

describe("the ledger's chain in the database", () => {
  let database: TestDatabase;
  let sql: Sql;
  let chain: ChainStore;
  before(async () => {
    database = await createTestDatabase();
    sql = poolOf(database);
    chain = createChainStore(sql, sql);
  });
  afterEach(() =>
    tamper(database, [
      "truncate payment.ledger_link, payment.ledger_entry, payment.ledger_transaction, payment.ledger_unsealed",
    ]),
  );
  after(async () => {
    await sql.end();
    await database.drop();
  });

  const verify = (after?: ChainPosition, linksMax = 1_000) => verifyLedger(chain, { after, linksMax });
  const sealAll = async () => {
    while ((await chain.seal({ itemsMax: 100 })).links > 0);
  };
  const sealed = async () =>
    (await database.sql<{ id: string }[]>`select payment_id as id from payment.ledger_link order by link_no`).map(
      ({ id }) => id,
    );

  describe("sealing", () => {
    it("chains what was posted, oldest first, up to so many at once, and then finds nothing", async () => {
      const keys = await postMany(sql, 5);
      assert.equal((await verify()).unsealed, 5);
      assert.deepEqual(
        [await chain.seal({ itemsMax: 3 }), await chain.seal({ itemsMax: 3 }), await chain.seal({ itemsMax: 3 })].map(
          ({ links, head }) => [links, head?.link],
        ),
        [
          [3, 3],
          [2, 5],
          [0, undefined],
        ],
      );
      assert.deepEqual(
        await sealed(),
        keys.map(({ paymentId }) => paymentId),
      );
      const { verified, ...found } = await verify();
      assert.deepEqual(found, { headLink: 5, unsealed: 0, done: true, broken: undefined });
      assert.equal(verified.link, 5);
    });

    it("makes one chain without gaps when replicas seal while others post", async () => {
      const replicas = [1, 2, 3].map(() => poolOf(database));
      const chains = replicas.map((replica) => createChainStore(replica, replica));
      let posting = true;
      const posted = Promise.all([1, 2].map(() => postMany(sql, 40))).finally(() => (posting = false));
      await Promise.all(
        chains.map(async (each) => {
          while (posting) await each.seal({ itemsMax: 7 });
        }),
      );
      await posted;
      await sealAll();
      const { headLink, unsealed, done } = await verify();
      assert.deepEqual({ headLink, unsealed, done }, { headLink: 80, unsealed: 0, done: true });
      assert.equal(new Set(await sealed()).size, 80);
      await Promise.all(replicas.map((each) => each.end()));
    });

    it("chains what commits late, although later ones were sealed before", async () => {
      const late = newKey();
      let commit = () => {};
      const mayCommit = new Promise<void>((resolve) => (commit = resolve));
      let told = () => {};
      const isPosted = new Promise<void>((resolve) => (told = resolve));
      const posting = sql.begin(async (tx) => {
        await post(tx, late);
        told();
        await mayCommit;
      });
      await isPosted;
      const [prompt] = await postMany(sql, 1);
      await sealAll();
      assert.deepEqual(await sealed(), [prompt!.paymentId]);
      commit();
      await posting;
      await sealAll();
      assert.deepEqual(await sealed(), [prompt!.paymentId, late.paymentId]);
      assert.equal((await verify()).done, true);
    });

    it("leaves nothing half done: what was taken from the queue is back when the links can't be written", async () => {
      const [key] = await postMany(sql, 1);
      await database.sql`revoke insert on payment.ledger_link from boxoffice_payment`;
      await assert.rejects(chain.seal({ itemsMax: 10 }), /permission denied/);
      assert.equal((await verify()).unsealed, 1);
      await database.sql`grant insert on payment.ledger_link to boxoffice_payment`;
      await sealAll();
      assert.deepEqual(await sealed(), [key!.paymentId]);
    });

    it("passes over what is queued again although it is sealed", async () => {
      const [key] = await postMany(sql, 1);
      await sealAll();
      await sql`
        insert into payment.ledger_unsealed (created_at, event_id, payment_id, kind)
        values (now(), ${key!.eventId}, ${key!.paymentId}, ${key!.kind})`;
      await sealAll();
      const { headLink, unsealed, done } = await verify();
      assert.deepEqual({ headLink, unsealed, done }, { headLink: 1, unsealed: 0, done: true });
    });

    it("never forks: the database refuses a second link after the same one", async () => {
      const keys = await postMany(sql, 2);
      await sealAll();
      const [third] = await postMany(sql, 1);
      await assert.rejects(
        sql`
          insert into payment.ledger_link (link_no, event_id, payment_id, kind, previous_hash, content_hash, hash)
          select 3, ${third!.eventId}::uuid, ${third!.paymentId}::uuid, 'capture', previous_hash, content_hash,
            sha256(content_hash)
          from payment.ledger_link where payment_id = ${keys[1]!.paymentId}`,
        /ledger_link_previous_hash_key/,
      );
    });
  });

  describe("verifying", () => {
    it("goes on from where it was, stretch by stretch, with the same result", async () => {
      await postMany(sql, 7);
      await sealAll();
      const seen: number[] = [];
      let last: Verification | undefined;
      do {
        last = await verify(last?.verified, 3);
        seen.push(last.verified.link);
      } while (!last.done);
      assert.deepEqual(seen, [3, 6, 7]);
      assert.deepEqual((await verify(last.verified)).verified, last.verified);
    });

    it("has nothing to say of an empty ledger", async () => {
      assert.deepEqual(await verify(), {
        ...{ headLink: 0, unsealed: 0, done: true, broken: undefined },
        verified: { link: 0, hash: "0".repeat(64) },
      });
    });

    // What somebody with the owner's rights does to ten sealed transactions, and what the walk says of it.
    const tampering: Record<string, { statements: (ids: string[]) => string[]; expected: string }> = {
      "an amount on both sides, so that it still balances": {
        statements: (ids) => [
          `update payment.ledger_entry set amount_minor = amount_minor * 2 where payment_id = '${ids[3]}'`,
        ],
        expected: "altered 4",
      },
      "an amount on one side": {
        statements: (ids) => [
          `update payment.ledger_entry set amount_minor = 1 where payment_id = '${ids[3]}' and account = 'ticket_sales'`,
        ],
        expected: "altered 4",
      },
      "the area": {
        statements: (ids) => [`update payment.ledger_transaction set area_id = 'vip' where payment_id = '${ids[0]}'`],
        expected: "altered 1",
      },
      "the time, by a microsecond": {
        statements: (ids) => [
          `update payment.ledger_transaction set created_at = created_at + interval '1 microsecond' where payment_id = '${ids[9]}'`,
        ],
        expected: "altered 10",
      },
      "the entries, taken away": {
        statements: (ids) => [`delete from payment.ledger_entry where payment_id = '${ids[5]}'`],
        expected: "altered 6",
      },
      "an amount, with its content hash computed anew": {
        statements: (ids) => [
          `update payment.ledger_link set content_hash = sha256('x') where payment_id = '${ids[3]}'`,
        ],
        expected: "altered 4",
      },
      "the transaction, taken away": {
        statements: (ids) => [
          `delete from payment.ledger_entry where payment_id = '${ids[6]}'`,
          `delete from payment.ledger_transaction where payment_id = '${ids[6]}'`,
        ],
        expected: "missing 7",
      },
      "the transaction with its link, taken away": {
        statements: (ids) => [
          `delete from payment.ledger_entry where payment_id = '${ids[6]}'`,
          `delete from payment.ledger_link where payment_id = '${ids[6]}'`,
          `delete from payment.ledger_transaction where payment_id = '${ids[6]}'`,
        ],
        expected: "missing 7",
      },
      "the link, taken away, and the others numbered anew": {
        statements: () => [
          "delete from payment.ledger_link where link_no = 5",
          "update payment.ledger_link set link_no = 1000 + link_no where link_no > 5",
          "update payment.ledger_link set link_no = link_no - 1001 where link_no > 1000",
        ],
        expected: "missing 5",
      },
      "two links, exchanged": {
        statements: () => [
          "update payment.ledger_link set link_no = 1000 where link_no = 3",
          "update payment.ledger_link set link_no = 3 where link_no = 8",
          "update payment.ledger_link set link_no = 8 where link_no = 1000",
        ],
        expected: "reordered 3",
      },
      "a transaction, posted without a trigger": {
        statements: (ids) => [
          `insert into payment.ledger_transaction (event_id, payment_id, kind)
           select event_id, gen_random_uuid(), 'capture' from payment.ledger_transaction where payment_id = '${ids[0]}'`,
        ],
        expected: "inserted 0",
      },
      "a transaction with a link, put in between": {
        statements: (ids) => [
          `insert into payment.ledger_transaction (event_id, payment_id, kind)
           select event_id, '${ids[4]!.replace(/^./, (digit) => (digit === "0" ? "1" : "0"))}'::uuid, 'capture'
           from payment.ledger_transaction where payment_id = '${ids[4]}'`,
          "update payment.ledger_link set link_no = 1000 + link_no where link_no >= 5",
          "update payment.ledger_link set link_no = link_no - 999 where link_no > 1000",
          `insert into payment.ledger_link (link_no, event_id, payment_id, kind, previous_hash, content_hash, hash)
           select 5, event_id, payment_id, kind, sha256('a'), sha256('b'), sha256(sha256('a') || sha256('b'))
           from payment.ledger_transaction t
           where not exists (select from payment.ledger_link l where l.payment_id = t.payment_id)`,
        ],
        expected: "inserted 5",
      },
      "the last links, taken away": {
        statements: () => ["delete from payment.ledger_link where link_no > 8"],
        expected: "inserted 0",
      },
    };
    for (const [what, { statements, expected }] of Object.entries(tampering)) {
      it(`names what was changed: ${what}`, async () => {
        await postMany(sql, 10);
        await sealAll();
        await tamper(database, statements(await sealed()));
        for (const linksMax of [100, 1]) {
          const { done, broken, verified } = await walk(chain, linksMax);
          assert.equal(`${broken?.kind} ${broken?.link}`, expected);
          assert.equal(verified.link, broken!.link === 0 ? (await verify()).verified.link : broken!.link - 1);
          assert.equal(done, false);
        }
      });
    }

    it("names what was sealed although it does not add up", async () => {
      await postMany(sql, 2);
      const bad = newKey();
      await tamper(database, [
        `insert into payment.ledger_transaction (event_id, payment_id, kind) values ('${bad.eventId}', '${bad.paymentId}', 'capture')`,
        `insert into payment.ledger_entry (event_id, payment_id, kind, account, currency_code, amount_minor)
         values ('${bad.eventId}', '${bad.paymentId}', 'capture', 'ticket_sales', 'EUR', -5)`,
        `insert into payment.ledger_unsealed select created_at, event_id, payment_id, kind
         from payment.ledger_transaction where payment_id = '${bad.paymentId}'`,
      ]);
      await sealAll();
      const { broken } = await verify();
      assert.deepEqual([broken?.kind, broken?.link, broken?.key], ["unbalanced", 3, bad]);
    });

    it("sees an end that was cut off with everything it sealed, and a chain that was made anew, from a noted position", async () => {
      await postMany(sql, 4);
      await sealAll();
      const { verified: noted } = await verify();
      await tamper(database, [
        "delete from payment.ledger_entry e using payment.ledger_link l where l.payment_id = e.payment_id and link_no > 2",
        "delete from payment.ledger_transaction t using payment.ledger_link l where l.payment_id = t.payment_id and link_no > 2",
        "delete from payment.ledger_link where link_no > 2",
      ]);
      assert.equal((await verify()).done, true);
      const cut = await verify(noted);
      assert.deepEqual([cut.broken?.kind, cut.broken?.link, cut.done], ["missing", 4, false]);
      await postMany(sql, 2);
      await sealAll();
      assert.equal((await verify()).done, true);
      const anew = await verify(noted);
      assert.deepEqual([anew.broken?.kind, anew.broken?.link, anew.done], ["altered", 4, false]);
    });
  });
});

function poolOf(database: TestDatabase): Sql {
  return createSql({
    url: database.urlOf("payment"),
    poolMax: 4,
    applicationName: "test",
    settings: indexLookupSettings,
  });
}

function newKey(): TransactionKey {
  return { eventId: randomUUID(), paymentId: randomUUID(), kind: "capture", reference: "" };
}

/** Posts captures of 5 EUR, one after the other. */
async function postMany(sql: Sql, count: number): Promise<TransactionKey[]> {
  const keys = Array.from({ length: count }, newKey);
  for (const key of keys) await sql.begin((tx) => post(tx, key));
  return keys;
}

async function post(tx: Transaction, key: TransactionKey): Promise<void> {
  await tx`
    insert into payment.ledger_transaction (event_id, payment_id, kind, area_id)
    values (${key.eventId}, ${key.paymentId}, ${key.kind}, 'stalls')`;
  await tx`
    insert into payment.ledger_entry (event_id, payment_id, kind, account, currency_code, amount_minor)
    values (${key.eventId}, ${key.paymentId}, ${key.kind}, 'provider_receivable', 'EUR', 5),
      (${key.eventId}, ${key.paymentId}, ${key.kind}, 'ticket_sales', 'EUR', -5)`;
}

/** Does as the owner what triggers and foreign keys would refuse. */
async function tamper(database: TestDatabase, statements: string[]): Promise<void> {
  await database.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    for (const statement of statements) await tx.unsafe(statement);
  });
}

/** Verifies from the beginning, `linksMax` at a time, until there is no more to say. */
async function walk(chain: ChainStore, linksMax: number): Promise<Verification> {
  let last = await verifyLedger(chain, { linksMax });
  while (!last.done && !last.broken) last = await verifyLedger(chain, { after: last.verified, linksMax });
  return last;
}
