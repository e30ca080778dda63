import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { LedgerBreak, OperationsService, type VerifyLedgerResponseSchema } from "#gen/boxoffice/edge/v1/operations";

const hash = "ab".repeat(32);
const broken = { link: 999n, kind: LedgerBreak.MISSING, description: "the chain ends before it" };

describe("the command that verifies the ledger", function () {
  this.timeout(60_000);
  let answer: () => MessageInitShape<typeof VerifyLedgerResponseSchema>;
  let gateway: Server;

  before(async () => {
    const routes = connectNodeAdapter({
      routes: (router) => router.service(OperationsService, { verifyLedger: () => answer() }),
    });
    gateway = createServer(routes).listen(0, "127.0.0.1");
    await once(gateway, "listening");
  });
  after(() => gateway.close());

  /** Runs the command as a monitor does; returns its exit code and what it printed. */
  async function verify(settings: Record<string, string>) {
    const { port } = gateway.address() as AddressInfo;
    const env = { PATH: process.env["PATH"], GATEWAY_URL: `http://127.0.0.1:${port}`, ORGANISER: "token", ...settings };
    const child = execFile(process.execPath, ["--import=tsx", "stack/verify-ledger.ts"], { env });
    let [stdout, stderr] = ["", ""];
    child.stdout!.on("data", (chunk: string) => (stdout += chunk));
    child.stderr!.on("data", (chunk: string) => (stderr += chunk));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout, stderr };
  }

  it("ends with 0 where the ledger is whole, also from a position whose hash is in capitals", async () => {
    answer = () => ({ verified: { link: 7n, hash }, headLink: 7n, done: true });
    const stdout = `verified 7:${hash} of 7 links\nthe ledger is whole; its head is 7:${hash}; 0 transactions wait to be sealed\n`;
    assert.deepEqual(await verify({ AFTER: `3:${hash.toUpperCase()}` }), { code: 0, stdout, stderr: "" });
  });

  it("ends with 3 where a link is broken, and says of nothing that it was verified", async () => {
    answer = () => ({ verified: { link: 999n, hash }, headLink: 64n, broken });
    const stderr = "link 999 is missing: the chain ends before it\n";
    assert.deepEqual(await verify({ AFTER: `999:${hash}` }), { code: 3, stdout: "", stderr });
  });

  it("ends with 2 where it may not ask", async () => {
    answer = () => {
      throw new ConnectError("the organiser role is needed", Code.PermissionDenied);
    };
    const stderr = "verify-ledger: [permission_denied] the organiser role is needed\n";
    assert.deepEqual(await verify({}), { code: 2, stdout: "", stderr });
  });

  it("ends with 2 where a setting is wrong", async () => {
    const { code, stderr } = await verify({ AFTER: "999" });
    assert.equal(code, 2);
    assert.match(stderr, /^verify-ledger: AFTER must be link:hash/);
  });
});
