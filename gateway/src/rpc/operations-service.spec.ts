import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { OperationsService } from "#gen/boxoffice/edge/v1/operations";
import { createRefusal } from "#shared/refusal";
import { errorFromRefusal } from "#shared/status";
import { clientOf, organiserToken, startTestGateway, type TestGateway } from "../../test/harness.ts";
import { eventId } from "../../test/messages.ts";

describe("OperationsService at the edge", () => {
  let gateway: TestGateway;
  const check = () =>
    clientOf(OperationsService, gateway.url, { token: organiserToken() }).checkInvariants({ eventId });
  const reportOf = (name: string, violations = 0n) => ({ promise: 1, name, violations, examined: 5n, examples: [] });

  before(async () => {
    gateway = await startTestGateway();
  });
  beforeEach(() => {
    const report = (name: string) => async (request: { scope?: { eventId: string } | undefined }) => {
      assert.equal(request.scope?.eventId, eventId);
      return { reports: [reportOf(name)] };
    };
    gateway.fakes.inventory.handlers.checkInvariants = report("inventory");
    gateway.fakes.reservation.handlers.checkInvariants = report("reservation");
    gateway.fakes.payment.handlers.checkInvariants = report("payment");
  });
  after(() => gateway.stop());

  it("asks every service and says clean when none found a violation", async () => {
    const { clean, reports } = await check();
    assert.equal(clean, true);
    assert.deepEqual(
      reports.map(({ name, examined }) => [name, examined]),
      [
        ["inventory", 5n],
        ["reservation", 5n],
        ["payment", 5n],
      ],
    );
  });

  it("is not clean when one service found a violation", async () => {
    gateway.fakes.payment.handlers.checkInvariants = async () => ({ reports: [reportOf("payment", 1n)] });
    assert.equal((await check()).clean, false);
  });

  it("passes a service's refusal on", async () => {
    const refusal = createRefusal(RefusalReason.NOT_FOUND, "no such event");
    gateway.fakes.inventory.handlers.checkInvariants = () => Promise.reject(errorFromRefusal(refusal));
    await assert.rejects(check(), (error: unknown) => ConnectError.from(error).code === Code.NotFound);
  });

  it("fails and names the services that can't be reached, instead of calling the rest clean", async () => {
    await Promise.all([gateway.fakes.payment.stop(), gateway.fakes.inventory.stop()]);
    await assert.rejects(check(), (error: unknown) => {
      const { code, rawMessage } = ConnectError.from(error);
      assert.deepEqual([code, rawMessage], [Code.Unavailable, "no answer from inventory, payment: try again"]);
      return true;
    });
  });
});
