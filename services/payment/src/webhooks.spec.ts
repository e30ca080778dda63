import assert from "node:assert/strict";
import { RefusalReason } from "#stubs";
import {
  createHarness,
  inTime,
  newKey,
  orderFor,
  summary,
  until,
  webhookSecret,
  type Client,
  type Harness,
} from "../test/harness.ts";
import { signWebhook } from "./providers/webhook-signature.ts";

describe("webhooks", () => {
  let harness: Harness;
  let client: Client;
  let statuses: number[];
  before(async () => {
    harness = await createHarness();
    ({ client } = await harness.start());
    statuses = await harness.forwardWebhooks(client);
  });
  after(() => harness.stop());

  type Key = ReturnType<typeof newKey>;
  const authorize = async (key: Key, token = "tok_3ds", timeoutMs = inTime.timeoutMs) =>
    summary(await client.authorize(orderFor(key, token), { timeoutMs }));
  // Read, so that nothing but webhooks moves it.
  const read = async (key: Key) => {
    const { outcomes } = await client.getPayments({ keys: [key] }, inTime);
    return summary({ outcome: outcomes[0] });
  };
  const act = async ({ paymentId }: Key, verb: "complete" | "fail") => {
    const response = await fetch(`${harness.sandbox.url}/actions/${paymentId}/${verb}`, { method: "POST" });
    return ((await response.json()) as { status: string }).status;
  };
  const send = async (message: unknown, how: { secret?: string; atMs?: number; provider?: string } = {}) => {
    const { secret = webhookSecret, atMs = Date.now(), provider = "sandbox" } = how;
    const body = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
    const { outcome } = await client.handleWebhook(
      { provider, body, signature: signWebhook(body, { secret, atMs }) },
      inTime,
    );
    if (outcome.case === "refusal") return RefusalReason[outcome.value.reason];
    return outcome.value?.isRepeat ? "repeat" : "accepted";
  };
  const noticeOf = ({ eventId, paymentId }: Key, id = `evt_${paymentId}`) => ({
    ...{ id, type: "authorization.authorized" },
    ...{ group: eventId, reference: paymentId },
  });
  const taken = (count: number) => until(() => statuses.filter((status) => status === 200).length >= count);

  it("finish an authorisation that the customer proved", async () => {
    const key = newKey();
    const { outcome } = await client.authorize(orderFor(key, "tok_3ds"), inTime);
    assert.ok(outcome?.outcome.case === "payment");
    assert.equal(outcome.outcome.value.nextActionUrl, `${harness.sandbox.url}/actions/${key.paymentId}`);
    assert.equal(await read(key), "ACTION_REQUIRED");
    assert.equal(await act(key, "complete"), "authorized");
    await until(async () => (await read(key)) === "AUTHORIZED");
    assert.equal(summary(await client.capture({ key }, inTime)), "CAPTURED");
    assert.deepEqual(harness.sandbox.book.find(key.paymentId)?.done, { authorize: 1, capture: 1, void: 0, refund: 0 });
  });

  it("decline one that the customer did not prove", async () => {
    const key = newKey();
    await authorize(key);
    assert.equal(await act(key, "fail"), "declined");
    await until(async () => (await read(key)) === "DECLINED authentication_required");
    assert.equal(await act(key, "complete"), "declined");
  });

  it("are not needed: a repeat of the call asks the provider", async () => {
    const key = newKey();
    harness.sandbox.notices.hold();
    await authorize(key);
    assert.equal(await authorize(key), "ACTION_REQUIRED");
    await act(key, "complete");
    assert.equal(await read(key), "ACTION_REQUIRED");
    assert.equal(await authorize(key), "AUTHORIZED");
    harness.sandbox.notices.release({ isReversed: false, copies: 1 });
  });

  it("leave what was voided void, and the customer can't prove it any more", async () => {
    const key = newKey();
    await authorize(key);
    assert.equal(summary(await client.void({ key }, inTime)), "VOIDED");
    assert.equal(await act(key, "complete"), "voided");
    assert.equal(await send(noticeOf(key)), "accepted");
    assert.equal(await read(key), "VOIDED");
  });

  it("change nothing when they come again, or in another order", async () => {
    const keys = Array.from({ length: 5 }, newKey);
    const before = statuses.length;
    harness.sandbox.notices.hold();
    for (const key of keys) {
      await authorize(key);
      await act(key, "complete");
    }
    harness.sandbox.notices.release({ isReversed: true, copies: 3 });
    await taken(before + 15);
    for (const key of keys) assert.equal(await read(key), "AUTHORIZED");
    assert.equal(await send(noticeOf(keys[0]!, "evt_again")), "accepted");
    assert.equal(await send(noticeOf(keys[0]!, "evt_again")), "repeat");
  });

  it("may overtake the answer that they tell of", async () => {
    for (const token of ["tok_webhook_first", "tok_3ds_webhook_first"]) {
      const key = newKey();
      const before = statuses.length;
      const answer = authorize(key, token);
      await until(() => statuses.length > before);
      assert.equal(await answer, token === "tok_webhook_first" ? "AUTHORIZED" : "ACTION_REQUIRED");
      assert.equal(harness.sandbox.book.stats.replays > 0, true);
    }
  });

  it("are sent again until they are processed", async () => {
    const key = newKey();
    await authorize(key);
    harness.sandbox.setDown(true);
    const before = statuses.length;
    await act(key, "complete");
    await until(() => statuses.length > before);
    assert.equal(statuses[before], 503);
    assert.equal(await send(noticeOf(key)), "IN_PROGRESS");
    harness.sandbox.setDown(false);
    await until(async () => (await read(key)) === "AUTHORIZED");
    assert.equal(await send(noticeOf(key)), "accepted");
  });

  it("are refused when their sender is somebody else, they are old, or they make no sense", async () => {
    const key = newKey();
    await authorize(key);
    assert.equal(await send(noticeOf(key), { secret: "somebody else's secret" }), "INVALID_ARGUMENT");
    assert.equal(await send(noticeOf(key), { atMs: Date.now() - 301_000 }), "INVALID_ARGUMENT");
    assert.equal(await send(noticeOf(key), { atMs: Date.now() + 330_000 }), "INVALID_ARGUMENT");
    assert.equal(await send("not json"), "INVALID_ARGUMENT");
    assert.equal(await send({ type: "authorization.authorized" }), "INVALID_ARGUMENT");
    assert.equal(await send(noticeOf(key), { provider: "nobody" }), "NOT_FOUND");
    assert.equal(await read(key), "ACTION_REQUIRED");
    assert.equal(await send(noticeOf(key), { atMs: Date.now() - 200_000 }), "accepted");
  });

  it("that somebody recorded are known when they come again as they were, and refused when they were changed or are old", async () => {
    const key = newKey();
    await authorize(key);
    const recorded = (atMs: number) => {
      const body = Buffer.from(JSON.stringify(noticeOf(key, `evt_recorded_${atMs}`)));
      return { provider: "sandbox", body, signature: signWebhook(body, { secret: webhookSecret, atMs }) };
    };
    const replay = async (webhook: ReturnType<typeof recorded>) => {
      const { outcome } = await client.handleWebhook(webhook, inTime);
      return outcome.case === "accepted" ? outcome.value.isRepeat : RefusalReason[outcome.value!.reason];
    };
    const webhook = recorded(Date.now());
    assert.deepEqual([await replay(webhook), await replay(webhook), await replay(webhook)], [false, true, true]);
    const later = webhook.signature.replace(/t=(\d+)/, (_, seconds) => `t=${Number(seconds) + 1}`);
    const renamed = Buffer.from(webhook.body.toString().replace("evt_recorded", "evt_another"));
    assert.equal(await replay({ ...webhook, body: renamed }), "INVALID_ARGUMENT");
    assert.equal(await replay({ ...webhook, signature: later }), "INVALID_ARGUMENT");
    assert.equal(await replay(recorded(Date.now() - 301_000)), "INVALID_ARGUMENT");
    assert.equal(await read(key), "ACTION_REQUIRED");
  });

  it("about nothing of ours are taken, so that they do not come for ever", async () => {
    assert.equal(await send(noticeOf(newKey())), "accepted");
    assert.equal(await send({ id: "evt_other", reference: "an order of another shop" }), "accepted");
  });

  it("of another provider than the payment's change nothing", async () => {
    const key = newKey();
    await authorize(key);
    await harness.database.sql`update payment.payment set provider = 'stripe' where payment_id = ${key.paymentId}`;
    // Taken for ours it would have to come again, since the payment's own provider is not set up.
    assert.equal(await send(noticeOf(key)), "accepted");
    assert.equal(await read(key), "ACTION_REQUIRED");
  });

  it("are remembered for 30 days", async () => {
    assert.equal(await send({ id: "evt_old" }), "accepted");
    assert.equal(await send({ id: "evt_young" }), "accepted");
    await harness.database.sql`
      update payment.webhook
      set received_at = now() - case notice_id when 'evt_old' then interval '31 days' else interval '29 days' end
      where notice_id in ('evt_old', 'evt_young')`;
    const cleaning = await harness.start();
    await until(
      async () => (await harness.database.sql`select 1 from payment.webhook where notice_id = 'evt_old'`).length === 0,
    );
    assert.equal(await send({ id: "evt_young" }), "repeat");
    await cleaning.stop();
  });
});
