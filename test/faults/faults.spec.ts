// The most telling rows of the matrix; `make faults` runs all of it.

import assert from "node:assert/strict";
import { build } from "#stack/build";
import { cases } from "./cases/all.ts";
import { usual } from "./fault-case.ts";
import { createCaseRunner, type CaseRunner } from "./run-cases.ts";

const slice = [
  "kill/inventory/inventory-confirmed/before-commit",
  "kill/reservation/reservation-capturing/after-commit",
  "kill/payment/payment-captured/before-reply",
  "kill/payment/payment-webhook/after-commit",
  "kill/reservation/ticket-admitted/before-commit",
  "postgres/killed",
];

describe("whatever breaks", function () {
  this.timeout(180_000);
  let runner: CaseRunner;

  before(async () => {
    await build();
    runner = createCaseRunner();
  });
  after(() => runner.stop());

  for (const name of slice) {
    it(`keeps what was promised: ${name}`, async () => {
      const { problems, proof } = await runner.run(cases.find((each) => each.name === name)!);
      assert.deepEqual(problems, []);
      assert.notEqual(proof, "");
    });
  }

  it("takes a fault that did not fire for a failed case", async () => {
    // The provider has nothing to answer twice.
    const fault = { kind: "provider", how: "token", forMs: 100 } as const;
    const { problems } = await runner.run({ ...usual, name: "no fault", fault });
    assert.match(problems.join(), /did not fire/);
  });

  it("has a name of its own for each case", () => {
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
  });
});
