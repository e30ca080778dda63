// The package that engineers of other services install: packed, installed into an empty project, compiled, run.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Registry } from "prom-client";
import { implement, startGrpcServer, type GrpcServer } from "#shared/grpc-server";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { createLogger } from "#shared/logger";
import { createRefusal } from "#shared/refusal";
import { PaymentService, RefusalReason } from "#stubs";

const run = promisify(execFile);
const eventId = "018f0000-0000-7000-8000-000000000001";
const paymentId = "018f0000-0000-7000-8000-000000000002";

describe("the stubs package", function () {
  this.timeout(180_000);
  let project: string;
  let server: GrpcServer;

  before(async () => {
    project = await mkdtemp(join(tmpdir(), "boxoffice-stubs-"));
    await run("make", ["stubs", `stubs_dir=${project}`]);
    const archive = (await readdir(project)).find((name) => /^boxoffice-stubs-.*\.tgz$/.test(name));
    assert.ok(archive, "make stubs left no archive");
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
    await run("npm", ["install", `./${archive}`, "--prefer-offline", "--no-audit", "--no-fund"], { cwd: project });
    await writeConsumer(project);
    server = await startPaymentService();
  });
  after(async () => {
    server?.abort();
    await rm(project, { recursive: true, force: true });
  });

  it("type-checks a consumer that uses it rightly", async () => {
    await typeCheck(project, "consumer.ts");
  });

  it("refuses a consumer that uses it wrongly", async () => {
    await assert.rejects(typeCheck(project, "wrong.ts"), ({ stdout }: { stdout: string }) => {
      assert.match(stdout, /wrong\.ts.*paymentNumber/s);
      return true;
    });
  });

  it("calls a running service, with answers and refusals as typed values", async () => {
    await run(process.execPath, [tsc, "-p", "."], { cwd: project });
    const { stdout } = await run(process.execPath, ["out/consumer.js", `127.0.0.1:${server.port}`], { cwd: project });
    assert.deepEqual(JSON.parse(stdout), {
      outcomes: [`payment ${paymentId} CAPTURED`, "refused NOT_FOUND"],
      error: "[invalid_argument] google.rpc.ErrorInfo,google.rpc.BadRequest",
    });
  });

  it("brings the .proto files and the licences of those that are not ours", async () => {
    const installed = join(project, "node_modules/@boxoffice/stubs");
    const names = await readdir(installed);
    for (const name of ["boxoffice", "buf", "google", "grpc", "LICENSE", "NOTICE", "README.md"]) {
      assert.ok(names.includes(name), `${name} is missing`);
    }
    assert.deepEqual(
      (await readdir(join(installed, "dist"), { recursive: true })).filter((name) => name.includes(".spec.")),
      [],
    );
  });
});

const tsc = resolve("node_modules/typescript/bin/tsc");

async function typeCheck(project: string, file: string): Promise<void> {
  await writeFile(join(project, `tsconfig.${file}.json`), JSON.stringify({ ...tsconfig, include: [file] }));
  await run(process.execPath, [tsc, "-p", `tsconfig.${file}.json`, "--noEmit"], { cwd: project });
}

const tsconfig = {
  compilerOptions: {
    target: "es2023",
    module: "nodenext",
    strict: true,
    outDir: "out",
    // Library types are checked as well: a consumer may not skip them.
    skipLibCheck: false,
    types: ["node"],
    typeRoots: [resolve("node_modules/@types")],
  },
  include: ["consumer.ts"],
};

async function writeConsumer(project: string): Promise<void> {
  await mkdir(join(project, "out"));
  await writeFile(join(project, "tsconfig.json"), JSON.stringify(tsconfig));
  await writeFile(
    join(project, "consumer.ts"),
    `
    import { Code, ConnectError, createGrpcClient, PaymentService, RefusalReason } from "@boxoffice/stubs";
    import { PaymentState, type PaymentOutcome } from "@boxoffice/stubs/gen/boxoffice/payment/v1/payment";

    const payments = createGrpcClient(PaymentService, process.argv[2]!);
    const key = { eventId: "${eventId}", paymentId: "${paymentId}" };
    const { outcomes } = await payments.getPayments(
      { keys: [key, { ...key, paymentId: "018f0000-0000-7000-8000-000000000003" }] }, { timeoutMs: 5_000 });
    const error = await payments.getPayments({ keys: [{ ...key, eventId: "nonsense" }] }, { timeoutMs: 5_000 }).then(
      () => "none",
      (error: unknown) => error instanceof ConnectError && error.code === Code.InvalidArgument
        ? error.message.split(" ")[0] + " " + error.details.map((detail) => "type" in detail ? detail.type : "").join(",")
        : String(error),
    );
    console.log(JSON.stringify({ outcomes: outcomes.map(inWords), error }));
    payments.close();

    function inWords({ outcome }: PaymentOutcome): string {
      switch (outcome.case) {
        case "payment":
          return "payment " + outcome.value.paymentId + " " + PaymentState[outcome.value.state];
        case "refusal":
          return "refused " + RefusalReason[outcome.value.reason];
        default:
          return "nothing";
      }
    }
    `,
  );
  await writeFile(
    join(project, "wrong.ts"),
    `
    import { createGrpcClient, PaymentService } from "@boxoffice/stubs";
    await createGrpcClient(PaymentService, "127.0.0.1:1").capture({ key: { paymentNumber: 1 } }, { timeoutMs: 1 });
    `,
  );
}

// The real contract with known answers: what the service does is its own tests' business.
async function startPaymentService(): Promise<GrpcServer> {
  const unused = async (): Promise<never> => {
    throw new Error("not called here");
  };
  const captured = { case: "payment" as const, value: { eventId, paymentId, state: PaymentState.CAPTURED } };
  const unknown = { case: "refusal" as const, value: createRefusal(RefusalReason.NOT_FOUND, "no such payment") };
  const payments = { authorize: unused, capture: unused, void: unused, refund: unused, handleWebhook: unused };
  const reports = { verifyLedger: unused, getSaleFigures: unused, explainPayments: unused };
  return await startGrpcServer({
    host: "127.0.0.1",
    port: 0,
    log: createLogger({ service: "payment", level: "silent" }),
    metrics: new Registry(),
    implementations: [
      implement(PaymentService, {
        ...payments,
        ...reports,
        checkInvariants: unused,
        getPayments: async ({ keys }) => ({
          outcomes: keys.map((key) => ({ outcome: key.paymentId === paymentId ? captured : unknown })),
        }),
      }),
    ],
  });
}
