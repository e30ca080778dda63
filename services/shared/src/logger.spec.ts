import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

describe("logger", () => {
  it("shows an error with its cause, but neither credentials nor the rows that Postgres quotes", async () => {
    const program = `
      import { createLogger } from "#shared/logger";
      const log = createLogger({ service: "test", level: "info" });
      const refused = Object.assign(new Error("violates a constraint"), { detail: "Failing row: secret-1", code: "23514" });
      log.error({ event: "one", error: refused, authorization: "secret-2" });
      log.error({ event: "two", error: new Error("outer", { cause: refused }), call: { paymentMethodToken: "secret-3" } });
      log.debug({ event: "three" });`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...["--import=tsx", "--input-type=module", "-e", program],
    ]);
    const lines = stdout.trim().split("\n");
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { event: string }).event),
      ["one", "two"],
    );
    assert.ok(lines.every((line) => line.includes("23514")));
    assert.doesNotMatch(stdout, /secret/);
  });
});
