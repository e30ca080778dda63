import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { OperationsService } from "#gen/boxoffice/edge/v1/operations";
import { createRefusal } from "#shared/refusal";
import { errorFromRefusal } from "#shared/status";
import { clientOf, organiserToken, startTestGateway, type TestGateway } from "../../test/harness.ts";
import { eventId, eventOf } from "../../test/messages.ts";

/** Money of `stalls`, where a seat costs 25 EUR. */
type Money = {
  revenue?: bigint;
  refunds?: bigint;
  /** What the seats that came back had cost; what was paid back, where it is not set. */
  returned?: bigint;
  /** Of the refunds that failed. */
  owed?: bigint;
  fees?: bigint;
  chargebacks?: bigint;
  inFlight?: bigint;
  areaId?: string;
  currency?: string;
};

describe("the sale report", () => {
  let gateway: TestGateway;
  before(async () => (gateway = await startTestGateway()));
  after(() => gateway.stop());

  const figuresOf = (money: Money) => ({
    areaId: money.areaId ?? "stalls",
    currencyCode: money.currency ?? "EUR",
    revenueMinor: money.revenue ?? 0n,
    refundsMinor: money.refunds ?? 0n,
    returnedMinor: money.returned ?? money.refunds ?? 0n,
    owedMinor: money.owed ?? 0n,
    feesMinor: money.fees ?? 0n,
    chargebacksMinor: money.chargebacks ?? 0n,
    inFlightMinor: money.inFlight ?? 0n,
  });

  /** Asks for the report while the ledger says one reading after the other, the last of them for ever. */
  async function report(sold: number, ...readings: Money[][]) {
    let asked = 0;
    gateway.fakes.payment.handlers.getSaleFigures = async () => {
      const reading = readings[Math.min(asked, readings.length - 1)] ?? [];
      asked += 1;
      return { areas: reading.map(figuresOf) };
    };
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
    gateway.fakes.inventory.handlers.getAvailability = async () => ({
      eventId,
      areas: [{ areaId: "stalls", capacity: 10, free: 6 - sold, held: 1, sold, blocked: 3 }],
    });
    const answer = await clientOf(OperationsService, gateway.url, { token: organiserToken() }).saleReport({ eventId });
    return { ...answer, asked };
  }

  it("takes counts from the seats and money from the ledger, and sees that they agree", async () => {
    const { agrees, areas, asked } = await report(2, [{ revenue: 10_000n, refunds: 5_000n, fees: 120n }]);
    assert.equal(agrees, true);
    assert.equal(asked, 2);
    const [stalls] = areas;
    assert.deepEqual(
      [stalls!.areaId, stalls!.capacity, stalls!.free, stalls!.held, stalls!.sold, stalls!.blocked, stalls!.agrees],
      ["stalls", 10, 4, 1, 2, 3, true],
    );
    assert.deepEqual(
      [stalls!.revenue, stalls!.refunds, stalls!.fees, stalls!.inFlight].map((money) => [
        money?.currencyCode,
        money?.amountMinor,
      ]),
      [
        ["EUR", 10_000n],
        ["EUR", 5_000n],
        ["EUR", 120n],
        ["EUR", 0n],
      ],
    );
  });

  it("tells money that was paid back without a seat from refunds of seats", async () => {
    const { agrees, areas } = await report(3, [{ revenue: 10_000n, refunds: 3_200n, returned: 2_500n }]);
    assert.equal(agrees, true);
    assert.deepEqual([areas[0]!.refunds?.amountMinor, areas[0]!.allowances?.amountMinor], [3_200n, 700n]);
    assert.equal((await report(3, [{ revenue: 10_000n, refunds: 3_200n }])).agrees, false);
  });

  it("shows refunds that failed as owed: their seats are back, and it agrees all the same", async () => {
    const { agrees, areas } = await report(3, [{ revenue: 10_000n, refunds: 700n, owed: 2_500n, returned: 2_500n }]);
    assert.equal(agrees, true);
    const { refunds, refundsOwed, allowances } = areas[0]!;
    assert.deepEqual(
      [refunds, refundsOwed, allowances].map((money) => money?.amountMinor),
      [700n, 2_500n, 700n],
    );
  });

  it("shows what banks took back as an expense: the seats stay sold, and no refund is told of", async () => {
    const { agrees, areas } = await report(2, [{ revenue: 5_000n, chargebacks: 2_500n }]);
    assert.equal(agrees, true);
    assert.deepEqual([areas[0]!.refunds?.amountMinor, areas[0]!.chargebacks?.amountMinor], [0n, 2_500n]);
  });

  it("shows fees in the currency that they were kept in, beside the area where that is another", async () => {
    const { agrees, areas } = await report(2, [{ revenue: 5_000n }, { currency: "USD", fees: 95n }]);
    assert.equal(agrees, true);
    assert.deepEqual(
      areas.map(({ areaId, capacity, revenue, fees }) => [areaId, capacity, revenue?.currencyCode, fees?.amountMinor]),
      [
        ["stalls", 10, "EUR", 0n],
        ["stalls", 0, "USD", 95n],
      ],
    );
  });

  it("agrees on an area that sold nothing, with zeros in its currency", async () => {
    const { agrees, areas } = await report(0, []);
    assert.deepEqual([agrees, areas[0]!.revenue?.amountMinor, areas[0]!.fees?.currencyCode], [true, 0n, "EUR"]);
  });

  it("disagrees where money or seats are missing, after it has looked three times", async () => {
    for (const [sold, money] of [
      [2, { revenue: 2_500n }],
      [1, { revenue: 5_000n }],
      [2, { revenue: 5_000n, refunds: 2_500n }],
      [1, {}],
    ] as [number, Money][]) {
      const { agrees, areas, asked } = await report(sold, [money]);
      assert.deepEqual([agrees, areas[0]!.agrees, asked], [false, false, 6]);
    }
  });

  it("counts money on its way for seats that are sold already, and for no more than it is", async () => {
    assert.equal((await report(2, [{ revenue: 2_500n, inFlight: 2_500n }])).agrees, true);
    assert.equal((await report(3, [{ revenue: 2_500n, inFlight: 2_500n }])).agrees, false);
    // Authorised, and its seats not sold yet.
    assert.equal((await report(1, [{ revenue: 2_500n, inFlight: 2_500n }])).agrees, true);
  });

  it("takes what happened between its readings for what it is", async () => {
    const captured = await report(2, [{ revenue: 2_500n }], [{ revenue: 7_500n }]);
    assert.deepEqual([captured.agrees, captured.asked], [true, 2]);
    const refunded = await report(1, [{ revenue: 5_000n }], [{ revenue: 5_000n, refunds: 2_500n }]);
    assert.deepEqual([refunded.agrees, refunded.asked], [true, 2]);
  });

  it("looks again before it says that they disagree", async () => {
    const wrong: Money[] = [{ revenue: 5_000n, refunds: 5_000n }];
    const { agrees, asked } = await report(1, wrong, wrong, [{ revenue: 5_000n, refunds: 2_500n }]);
    assert.deepEqual([agrees, asked], [true, 4]);
  });

  it("shows money of no area, or in another currency, and does not agree with it", async () => {
    const { agrees, areas } = await report(1, [
      { revenue: 2_500n },
      { areaId: "", revenue: 900n },
      { currency: "USD", revenue: 700n, refunds: 700n },
    ]);
    assert.equal(agrees, false);
    assert.deepEqual(
      areas.map((area) => [area.areaId, area.revenue?.currencyCode, area.agrees, area.capacity]),
      [
        ["stalls", "EUR", true, 10],
        ["", "EUR", false, 0],
        ["stalls", "USD", true, 0],
      ],
    );
  });

  it("knows no event that is not there", async () => {
    gateway.fakes.inventory.handlers.getEvent = () =>
      Promise.reject(errorFromRefusal(createRefusal(RefusalReason.NOT_FOUND, "no such event")));
    const asking = clientOf(OperationsService, gateway.url, { token: organiserToken() }).saleReport({ eventId });
    await assert.rejects(asking, (error: unknown) => ConnectError.from(error).code === Code.NotFound);
  });
});
