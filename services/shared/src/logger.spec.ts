import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
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

  it("lets the process end when nobody reads its output any more", async () => {
    const program = `
      import { createLogger } from "#shared/logger";
      const log = createLogger({ service: "test", level: "info" });
      process.stdin.on("end", () => {
        for (let line = 0; line < 100; line += 1) log.info({ event: "unread" });
        setTimeout(() => process.exit(7), 10);
      }).resume();`;
    const child = spawn(process.execPath, ["--import=tsx", "--input-type=module", "-e", program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdout.destroy();
    child.stdin.end();
    const [code] = (await once(child, "exit")) as [number];
    assert.equal(code, 7);
  });
});
