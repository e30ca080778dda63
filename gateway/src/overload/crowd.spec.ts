// A crowd that comes at once, before the limit by wait has learnt anything: what waits for batches is known at once.

import assert from "node:assert/strict";
import { post, startTestGateway, tokenFor, until, ways } from "../../test/harness.ts";
import { held, wishJson } from "../../test/messages.ts";

const token = tokenFor("guest:1");
const crowd = 50;
// Far more than a batch takes here, so that the limit by wait, which judges no sooner than half of it, stays where it is.
const settings = { QUEUE_WAIT_MS: "10000", IN_FLIGHT_MIN: "1", IN_FLIGHT_MAX: "1000" };
const smallBatches = { BATCH_ITEMS_MAX: "1", BATCH_IN_FLIGHT_MAX: "1" };

for (const { way, settings: waySettings } of ways) {
  describe(`a crowd before batches that take long, by ${way}`, () => {
    it("is refused with a time to come back once it can't begin in time, and the others are served", async () => {
      const gateway = await startTestGateway({ ...settings, ...smallBatches, ...waySettings });
      let release = () => {};
      const released = new Promise<void>((resolve) => (release = resolve));
      gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => {
        await released;
        return { outcomes: commands.map(() => held()) };
      };
      type Answer = Awaited<ReturnType<typeof post>>;
      const refused: Answer[] = [];
      const reserve = async () => {
        const answer = await post(gateway.url, "ReservationService/CreateReservation", wishJson, { token });
        if (answer.status !== 200) refused.push(answer);
        return answer;
      };

      const answers = Array.from({ length: crowd }, reserve);
      await until("one is refused", () => {
        if (refused.length === 0) answers.push(reserve());
        return refused.length > 0;
      });
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      assert.match(metrics, /boxoffice_edge_queue_requests_max\{queue="reservations"\} 1000\n/);
      assert.match(metrics, /boxoffice_edge_shed_total\{priority="reserving",reason="wait"\} [1-9]/);

      release();
      const served = (await Promise.all(answers)).filter(({ status }) => status === 200);
      assert.equal(served.length, answers.length - refused.length);
      assert.ok(served.length >= crowd);
      for (const { status, headers, body } of refused) {
        assert.deepEqual([status, body.details[0].debug.reason], [429, "OVERLOADED"]);
        assert.equal(body.details[1].type, "google.rpc.RetryInfo");
        assert.match(body.details[1].debug.retryDelay, /^[\d.]+s$/);
        assert.match(headers.get("retry-after")!, /^[1-9]\d*$/);
      }
      assert.equal((await reserve()).status, 200, "whoever comes after the crowd is served");
      await gateway.stop();
    });
  });
}
