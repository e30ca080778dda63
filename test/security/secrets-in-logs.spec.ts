// What is secret must not come out, least of all in the log. So everything secret travels through the whole system, and things
// fail while it does, since it is faults that are logged; then the whole log is read, of every process, to its last line.

import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { signWebhook } from "../../services/payment/src/providers/webhook-signature.ts";
import {
  bestOf,
  curl,
  eventually,
  gateStaff,
  guest,
  organiser,
  publishEvent,
  reasonOf,
  untilKnown,
  type EdgeUser,
} from "../support/edge.ts";
import { startSystem, testSecrets, type System } from "../support/system.ts";

/** Secrets in the processes' settings. */
const settings = {
  ...testSecrets,
  sandboxWebhookSecret: "a webhook secret of the tests, 32 or more",
  stripeSecretKey: `sk_live_${uuidv7()}`,
  stripeWebhookSecret: `whsec_${uuidv7()}`,
};

describe("the whole log", function () {
  this.timeout(180_000);
  const lines: string[] = [];
  let system: System | undefined;
  let api: string;

  before(async () => {
    const loud = { LOG_LEVEL: "debug" };
    const stripe = {
      STRIPE_SECRET_KEY: settings.stripeSecretKey,
      STRIPE_WEBHOOK_SECRET: settings.stripeWebhookSecret,
      STRIPE_RETURN_URL: "https://shop.example/back",
      // Nobody listens there.
      STRIPE_API_BASE: "http://127.0.0.1:1",
    };
    system = await startSystem({
      settings: {
        ...{ inventory: loud, reservation: loud, gateway: loud, issuer: loud },
        sandbox: { ...loud, WEBHOOK_SECRET: settings.sandboxWebhookSecret },
        payment: { ...loud, ...stripe, SANDBOX_WEBHOOK_SECRET: settings.sandboxWebhookSecret },
      },
      onLine: (_, line) => lines.push(line),
    });
    api = `${system.gatewayUrl}/boxoffice.edge.v1`;
  });
  const stop = async () => {
    await system?.stop();
    system = undefined;
  };
  after(stop);

  const logged = (event: string) =>
    eventually(`${event} is logged`, async () => lines.some((line) => line.includes(`"${event}"`)) || undefined);

  it("has no session, id token, ticket, means of payment or setting that is secret", async () => {
    const { gatewayUrl, issuerUrl } = system!;
    const eventId = await publishEvent(await organiser(gatewayUrl, issuerUrl));
    const buyer = await guest(gatewayUrl);
    const gate = await gateStaff(gatewayUrl, issuerUrl);
    const ticketCode = await buyTicket(buyer, eventId);
    const secrets = {
      ...settings,
      session: buyer.token,
      sessionKey: buyer.token.split(".")[1]!,
      stolenSession: `${uuidv7()}.${"x".repeat(43)}`,
      gateSession: gate.token,
      idToken: `eyJhbGciOiJub25lIn0.${uuidv7()}.x`,
      ticketCode,
      alteredTicketCode: `${ticketCode.slice(0, -8)}AAAAAAAA`,
      paymentMethodToken: `tok_secret_${uuidv7()}`,
    };
    const unpaid = bestOf(eventId, 1);
    await buyer.reservations.createReservation(unpaid);
    const booking = { eventId, reservationId: unpaid.reservationId };
    const payment = { ...booking, paymentMethodToken: secrets.paymentMethodToken, idempotencyKey: "one" };
    const showEverything = async () => {
      await curl(`${api}.SessionService/ExchangeIdToken`, { idToken: secrets.idToken });
      await curl(`${api}.ReservationService/GetReservation`, booking, secrets.stolenSession);
      await curl(`${api}.ReservationService/GetReservation`, { ...booking, token: secrets.session }, secrets.session);
      for (const code of [secrets.ticketCode, secrets.alteredTicketCode, `\0${secrets.ticketCode}`]) {
        const scan = { eventId, code, deviceId: "x", nonce: uuidv7() };
        await curl(`${api}.TicketService/VerifyTicket`, { eventId, code }, gate.token);
        await curl(`${api}.TicketService/AdmitTicket`, scan, gate.token);
        await curl(`${api}.TicketService/AdmitTicket`, scan, buyer.token);
      }
      await curl(`${api}.ReservationService/Checkout`, { ...payment, idempotencyKey: "not this one" }, buyer.token);
    };

    await system!.kill("sandbox", "SIGKILL");
    await reasonOf(buyer.reservations.checkout(payment, { timeoutMs: 5_000 }));
    await logged("payment.provider_unknown");
    await system!.restart("sandbox");
    assert.equal(await reasonOf(untilPaid(buyer, payment)), "PAYMENT_DECLINED");

    await showEverything();
    await system!.kill("reservation", "SIGKILL");
    await showEverything();
    await logged("rpc.failed");
    await system!.restart("reservation");

    const dispute = { id: "evt_1", object: "event", data: { object: { id: "dp_1", object: "dispute" } } };
    assert.equal(await sendToStripesDoor(dispute, settings.stripeWebhookSecret), 503, "Stripe could not be asked");
    assert.equal(await sendToStripesDoor(dispute, "another secret"), 400);

    await stop();
    assert.ok(
      lines.some((line) => line.includes('"stop.finished"')),
      "the log has its end",
    );
    for (const [what, secret] of Object.entries(secrets)) {
      const leak = lines.find((line) => line.includes(secret));
      assert.equal(leak, undefined, `${what} is in a log`);
    }
  });

  // Returns the code of a ticket that was paid for.
  async function buyTicket(buyer: EdgeUser, eventId: string): Promise<string> {
    const wish = bestOf(eventId, 1);
    const booking = { eventId, reservationId: wish.reservationId };
    await untilKnown(() => buyer.reservations.createReservation(wish));
    await untilPaid(buyer, { ...booking, paymentMethodToken: "tok_approve", idempotencyKey: "first" });
    const [ticket] = (await buyer.tickets.listTickets(booking)).tickets;
    return (await buyer.tickets.getTicketQr({ eventId, ticketId: ticket!.ticketId })).code;
  }

  const untilPaid = (buyer: EdgeUser, payment: Parameters<EdgeUser["reservations"]["checkout"]>[0]) =>
    untilKnown(() => buyer.reservations.checkout(payment));

  async function sendToStripesDoor(event: object, secret: string): Promise<number> {
    const body = JSON.stringify(event);
    const headers = { "stripe-signature": signWebhook(body, { secret, atMs: Date.now() }) };
    return (await fetch(`${system!.gatewayUrl}/webhooks/stripe`, { method: "POST", headers, body })).status;
  }
});
