import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import { BadRequestSchema } from "#gen/google/rpc/error_details";
import { EndReason, ReservationService, ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import {
  EndReason as InternalEndReason,
  ReservationState as InternalState,
} from "#gen/boxoffice/reservation/v1/reservation";
import {
  clientOf,
  post,
  protocols,
  startTestGateway,
  tokenFor,
  until,
  type TestGateway,
  ways,
} from "../../test/harness.ts";
import { eventId, held, refused, reservationId, reservationOf, wish, wishJson } from "../../test/messages.ts";

for (const { way, settings } of ways) {
  describe(`ReservationService at the edge, by ${way}`, () => {
    let gateway: TestGateway;
    const token = tokenFor("guest:1");
    const buyer = (protocol?: keyof typeof protocols) =>
      clientOf(ReservationService, gateway.url, { token, ...(protocol && { protocol }) });

    before(async () => (gateway = await startTestGateway(settings)));
    after(() => gateway.stop());

    for (const protocol of Object.keys(protocols) as (keyof typeof protocols)[]) {
      it(`holds seats for a client that speaks ${protocol}`, async () => {
        gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => ({
          outcomes: commands.map(({ customerId }) => held({ customerId })),
        });
        const { reservation } = await buyer(protocol).createReservation(wish);
        assert.equal(reservation?.state, ReservationState.HELD);
        assert.deepEqual(
          reservation.seats.map(({ row, number }) => `${row}${number}`),
          ["A1", "A2"],
        );
        assert.deepEqual([reservation.total?.amountMinor, reservation.total?.currencyCode], [5_000n, "EUR"]);
      });
    }

    it("takes the customer from the session, whatever the client sends", async () => {
      const seen: string[] = [];
      gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => {
        seen.push(...commands.map(({ customerId }) => customerId));
        return { outcomes: commands.map(() => held()) };
      };
      await buyer().createReservation(wish);
      const forged = await post(
        gateway.url,
        "ReservationService/CreateReservation",
        { ...wishJson, customerId: "x" },
        { token },
      );
      assert.equal(forged.status, 400);
      assert.deepEqual(seen, ["guest:1"]);
    });

    it("sends what many ask for at once in few batches, and gives everybody their own outcome", async () => {
      const sizes: number[] = [];
      gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => {
        sizes.push(commands.length);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return {
          outcomes: commands.map(({ customerId, reservationId }) =>
            customerId.endsWith("7") ? refused(RefusalReason.SOLD_OUT) : held({ customerId, reservationId }),
          ),
        };
      };
      const idOf = (index: number) => `01890a5d-ac96-774b-bcce-${String(index).padStart(12, "0")}`;
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, index) =>
          clientOf(ReservationService, gateway.url, { token: tokenFor(`guest:${index}`) })
            .createReservation({ ...wish, reservationId: idOf(index) })
            .then(
              ({ reservation }) => reservation!.reservationId,
              (error: unknown) => ConnectError.from(error).code,
            ),
        ),
      );
      assert.deepEqual(
        answers,
        Array.from({ length: 100 }, (_, index) => (index % 10 === 7 ? Code.FailedPrecondition : idOf(index))),
      );
      assert.ok(sizes.length < 100, `${sizes.length} batches`);
      assert.equal(
        sizes.reduce((sum, size) => sum + size),
        100,
      );
    });

    it("lets nobody wait longer than they said because of a patient neighbour in the batch", async () => {
      let release = () => {};
      const released = new Promise<void>((resolve) => (release = resolve));
      gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => {
        await released;
        return { outcomes: commands.map(() => held()) };
      };
      const patient = buyer("Connect, JSON, HTTP/2").createReservation(wish, { timeoutMs: 20_000 });
      const answer = await post(gateway.url, "ReservationService/CreateReservation", wishJson, {
        token,
        headers: { "connect-timeout-ms": "100" },
      });
      assert.deepEqual([answer.status, answer.body.code], [504, "deadline_exceeded"]);
      assert.match(answer.body.message, /ask again with the same key/);
      release();
      await patient;
    });

    it("drops a reservation whose client has gone before its batch starts", async () => {
      const gates: (() => void)[] = [];
      const seen: string[] = [];
      gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => {
        seen.push(...commands.map(({ customerId }) => customerId));
        await new Promise<void>((resolve) => gates.push(resolve));
        return { outcomes: commands.map(() => held()) };
      };
      const running = [];
      for (let index = 0; index < 2; index++) {
        running.push(
          clientOf(ReservationService, gateway.url, { token: tokenFor(`guest:busy${index}`) }).createReservation(wish),
        );
        await until("the batch runs", () => seen.length === index + 1);
      }
      const leaving = new AbortController();
      const gone = clientOf(ReservationService, gateway.url, { token: tokenFor("guest:gone") }).createReservation(
        wish,
        {
          signal: leaving.signal,
        },
      );
      await until("it waits", async () => /queue_items\{[^}]*\} 1\b/.test(await metricsOf(gateway)));
      const before = await connectionsOf(gateway);
      leaving.abort();
      await assert.rejects(gone);
      await until("the gateway noticed", async () => (await connectionsOf(gateway)) < before);
      const last = clientOf(ReservationService, gateway.url, { token: tokenFor("guest:last") }).createReservation(wish);
      await until("it waits too", async () => /queue_items\{[^}]*\} 2\b/.test(await metricsOf(gateway)));
      while (!seen.includes("guest:last")) {
        gates.shift()?.();
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      gates.forEach((open) => open());
      await Promise.all([...running, last]);
      assert.ok(!seen.includes("guest:gone"));
    });

    it("reads, lists, cancels and pays under the caller's own id", async () => {
      const { handlers } = gateway.fakes.reservation;
      const keys: unknown[] = [];
      const answer =
        (state: InternalState) =>
        async ({ key }: { key?: unknown }) => {
          keys.push(key);
          return { outcome: held({ state }) };
        };
      handlers.getReservation = answer(InternalState.HELD);
      handlers.cancelReservation = answer(InternalState.CANCELLED);
      handlers.checkout = async (request) => ({ ...(await answer(InternalState.CONFIRMED)(request)), paymentId: "p1" });
      handlers.listReservations = async ({ customerId, states, pageToken }) => {
        assert.deepEqual([customerId, states, pageToken], ["guest:1", [InternalState.CONFIRMED], "t"]);
        return { reservations: [reservationOf()], nextPageToken: "next" };
      };
      const id = { eventId, reservationId };
      assert.equal((await buyer().getReservation(id)).reservation?.state, ReservationState.HELD);
      assert.equal((await buyer().cancelReservation(id)).reservation?.state, ReservationState.CANCELLED);
      const paid = await buyer().checkout({ ...id, paymentMethodToken: "tok_approve", idempotencyKey: "k" });
      assert.deepEqual([paid.reservation?.state, paid.paymentId], [ReservationState.CONFIRMED, "p1"]);
      const page = await buyer().listReservations({ states: [ReservationState.CONFIRMED], pageToken: "t" });
      assert.deepEqual([page.reservations.length, page.nextPageToken], [1, "next"]);
      assert.equal(keys.length, 3);
      for (const key of keys) assert.equal((key as { customerId: string }).customerId, "guest:1");
    });

    it("takes a checkout without a token, which a free booking needs not", async () => {
      const tokens: string[] = [];
      gateway.fakes.reservation.handlers.checkout = async ({ paymentMethodToken }) => {
        tokens.push(paymentMethodToken);
        return { outcome: held({ state: InternalState.CONFIRMED }), paymentId: "" };
      };
      const paid = await buyer().checkout({ eventId, reservationId, idempotencyKey: "k" });
      assert.deepEqual([paid.reservation?.state, tokens], [ReservationState.CONFIRMED, [""]]);
    });

    it("keeps card numbers out, says what to send instead, and repeats nothing of them", async () => {
      let asked = 0;
      gateway.fakes.reservation.handlers.checkout = async () => {
        asked += 1;
        return { outcome: held(), paymentId: "p1" };
      };
      for (const number of ["4242424242424242", "4000-0027-6000-3184", "4242 4242 4242 4242"]) {
        const request = { eventId, reservationId, paymentMethodToken: number, idempotencyKey: "k" };
        await assert.rejects(buyer().checkout(request), (error: ConnectError) => {
          assert.match(
            error.rawMessage,
            /^payment_method_token: .*the token that the payment provider's client library gave/,
          );
          const said = JSON.stringify([error.rawMessage, error.findDetails(BadRequestSchema)]);
          assert.ok(!said.includes(number.slice(-4)), said);
          return error.code === Code.InvalidArgument;
        });
      }
      assert.equal(asked, 0);
    });

    it("tells where the buyer has to go before the payment goes on", async () => {
      const redirectUrl = "https://bank.example/act";
      gateway.fakes.reservation.handlers.checkout = async () => ({
        ...{ outcome: paying(redirectUrl), paymentId: "p1" },
      });
      const id = { eventId, reservationId };
      const answer = await buyer().checkout({ ...id, paymentMethodToken: "tok_3ds", idempotencyKey: "k" });
      assert.equal(answer.reservation?.state, ReservationState.PAYING);
      assert.equal(answer.reservation.nextAction?.redirectUrl, redirectUrl);
      gateway.fakes.reservation.handlers.getReservation = async () => ({ outcome: paying("") });
      assert.equal((await buyer().getReservation(id)).reservation?.nextAction, undefined);
    });

    it("numbers states and reasons as reservation does", () => {
      assert.deepEqual(ReservationState, InternalState);
      assert.deepEqual(EndReason, InternalEndReason);
    });
  });
}

function paying(nextActionUrl: string) {
  const value = { ...reservationOf({ state: InternalState.PAYING }), nextActionUrl };
  return { outcome: { case: "reservation" as const, value } };
}

async function metricsOf(gateway: TestGateway): Promise<string> {
  return await (await fetch(`${gateway.adminUrl}/metrics`)).text();
}

async function connectionsOf(gateway: TestGateway): Promise<number> {
  return Number(/boxoffice_edge_connections (\d+)/.exec(await metricsOf(gateway))![1]);
}
