// The lint rules that hold the lines between the folders, tried on files that cross them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const forbidden: [file: string, specifier: string][] = [
  ["services/inventory/src/store.ts", "../../payment/src/store.ts"],
  ["services/inventory/src/rpc/hold.ts", "../../../reservation/src/domain/booking.ts"],
  ["services/reservation/src/saga.spec.ts", "../../inventory/src/build.ts"],
  ["services/payment/src/build.ts", "../../../gateway/src/redis.ts"],
  ["services/shared/src/sql.ts", "../../inventory/src/config.ts"],
  ["gateway/src/backends.ts", "../../services/reservation/src/config.ts"],
  ["gateway/src/backends.ts", "#stack/redis"],
  ["services/payment/src/build.ts", "../../../test/support/database.ts"],
  ["services/inventory/src/domain/area.ts", "node:fs"],
  ["services/inventory/src/domain/area.ts", "postgres"],
  ["services/inventory/src/domain/area.ts", "#shared/sql"],
  ["services/inventory/src/domain/area.ts", "../store.ts"],
  ["services/reservation/src/tickets/domain/ticket.ts", "../store/admissions.ts"],
  ["proto/src/grpc.ts", "#shared/sql"],
  ["proto/src/grpc.ts", "../../services/shared/src/sql.ts"],
];

const allowed: [file: string, specifier: string][] = [
  ["services/inventory/src/store.ts", "#shared/sql"],
  ["services/reservation/src/payments.ts", "#gen/boxoffice/payment/v1/payment"],
  ["services/payment/src/store.spec.ts", "../../../test/support/database.ts"],
  ["services/payment/src/sandbox/main.ts", "../providers/provider.ts"],
  ["gateway/src/rpc/session.ts", "../session/session-token.ts"],
  ["services/inventory/src/domain/area.ts", "./chart.ts"],
  ["services/inventory/src/domain/area.ts", "#shared/assert-never"],
  ["services/inventory/src/domain/area.spec.ts", "node:assert/strict"],
  ["proto/src/grpc.ts", "./gen/google/rpc/status_pb.ts"],
];

describe("import boundaries", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "boxoffice-boundaries-"));
    await copyFile(".oxlintrc.json", join(dir, ".oxlintrc.json"));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  for (const [file, specifier] of forbidden) {
    it(`refuse ${specifier} in ${file}`, async () => {
      assert.match(await lint(dir, file, `import { x } from "${specifier}";`), /no-restricted-imports/);
      assert.match(await lint(dir, file, `export * from "${specifier}";`), /no-restricted-imports/);
    });
  }
  for (const [file, specifier] of allowed) {
    it(`allow ${specifier} in ${file}`, async () => {
      assert.doesNotMatch(await lint(dir, file, `import { x } from "${specifier}";`), /no-restricted-imports/);
    });
  }

  it("let domain code use the types of what it may not call", async () => {
    const file = "services/payment/src/domain/settle.ts";
    const code = 'import type { X } from "../providers/provider.ts";\nexport type Y = X;';
    assert.doesNotMatch(await lint(dir, file, code), /no-restricted-imports/);
  });
});

const oxlint = resolve("node_modules/.bin/oxlint");

async function lint(dir: string, file: string, code: string): Promise<string> {
  const path = join(dir, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${code}\n`);
  const outcome = await promisify(execFile)(oxlint, ["-f", "unix", file], { cwd: dir }).catch(
    (error: { stdout: string }) => error,
  );
  return outcome.stdout;
}
