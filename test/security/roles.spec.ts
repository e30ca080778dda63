// Who may call what, tried for every public method, kind of caller and protocol. The table says it a second time, on
// purpose: a slip in the gateway's own table would otherwise be tested against itself.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { fromJson, type DescMethod, type JsonObject } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Role } from "#gen/boxoffice/edge/v1/session";
import { edgeServices } from "../../gateway/src/policy.ts";
import { fakeEverything } from "../../gateway/test/fakes.ts";
import { clientOf, protocols, startTestGateway, tokenFor, type TestGateway } from "../../gateway/test/harness.ts";
import {
  assertCoversEveryMethod,
  edgeMethods,
  nameOf,
  wellFormed,
  wellFormedRequest,
} from "../support/edge-methods.ts";

type Caller = "nobody" | "buyer" | "gate" | "organiser";

const anybody: Caller[] = ["nobody", "buyer", "gate", "organiser"];
const whoHasASession: Caller[] = ["buyer", "gate", "organiser"];
const organisers: Caller[] = ["organiser"];
const gates: Caller[] = ["gate"];

const mayCall: Record<string, Caller[]> = {
  "SessionService.CreateGuestSession": anybody,
  "SessionService.ExchangeIdToken": anybody,
  "EventService.CreateEvent": organisers,
  "EventService.PublishEvent": organisers,
  "EventService.GetEvent": anybody,
  "EventService.ListEvents": anybody,
  "EventService.GetAvailability": anybody,
  "ReservationService.CreateReservation": whoHasASession,
  "ReservationService.GetReservation": whoHasASession,
  "ReservationService.ListReservations": whoHasASession,
  "ReservationService.CancelReservation": whoHasASession,
  "ReservationService.Checkout": whoHasASession,
  "TicketService.ListTickets": whoHasASession,
  "TicketService.GetTicketQr": whoHasASession,
  "TicketService.TransferTicket": whoHasASession,
  "TicketService.VerifyTicket": gates,
  "TicketService.AdmitTicket": gates,
  "TicketService.SubmitScans": gates,
  "TicketService.ListReservationTickets": organisers,
  "TicketService.RevokeTicket": organisers,
  "TicketService.GetVerificationKeys": gates,
  "TicketService.GetRevocations": gates,
  "OperationsService.CheckInvariants": organisers,
  "OperationsService.VerifyLedger": organisers,
  "OperationsService.SaleReport": organisers,
  "OperationsService.RefundReservation": organisers,
  "OperationsService.ExplainReservation": organisers,
  "OperationsService.ExplainSeat": organisers,
};

const tokens: Record<Caller, string | undefined> = {
  nobody: undefined,
  buyer: tokenFor("guest:buyer"),
  gate: tokenFor("oidc:gate", { roles: [Role.GATE] }),
  organiser: tokenFor("oidc:organiser", { roles: [Role.ORGANISER] }),
};

describe("roles", () => {
  let gateway: TestGateway;
  let asked = 0;

  before(async () => {
    gateway = await startTestGateway();
    fakeEverything(gateway.fakes, async () => {
      asked += 1;
      throw new ConnectError("counted", Code.Unavailable);
    });
  });
  beforeEach(() => (asked = 0));
  after(() => gateway.stop());

  it("are stated for every public method, each with a request to try", () => {
    assertCoversEveryMethod(mayCall);
    assertCoversEveryMethod(wellFormed);
  });

  it("are stated for every service that the public contracts have", async () => {
    const dir = "proto/boxoffice/edge/v1";
    const files = await Promise.all((await readdir(dir)).map((file) => readFile(`${dir}/${file}`, "utf8")));
    const inContracts = files.flatMap((text) => [...text.matchAll(/^service (\w+) \{/gm)].map(([, name]) => name));
    assert.deepEqual(edgeServices.map(({ name }) => name).sort(), inContracts.sort());
  });

  for (const method of edgeMethods) {
    for (const caller of anybody) {
      const allowed = mayCall[nameOf(method)]?.includes(caller) ?? false;
      it(`${allowed ? "let" : "don't let"} ${caller} call ${nameOf(method)}, whatever the protocol`, async () => {
        for (const protocol of Object.keys(protocols) as (keyof typeof protocols)[]) {
          const code = await codeOf(gateway.url, method, { protocol, token: tokens[caller] });
          if (allowed) assert.ok(code !== Code.Unauthenticated && code !== Code.PermissionDenied, protocol);
          else assert.equal(code, caller === "nobody" ? Code.Unauthenticated : Code.PermissionDenied, protocol);
        }
        if (!allowed) assert.equal(asked, 0, "no service hears of a call that is refused");
      });
    }
  }
});

async function codeOf(
  url: string,
  method: DescMethod,
  { protocol, token }: { protocol: keyof typeof protocols; token: string | undefined },
): Promise<Code | undefined> {
  const client = clientOf(method.parent, url, { protocol, ...(token !== undefined && { token }) });
  const call = (client as unknown as Record<string, (request: unknown) => Promise<unknown>>)[method.localName]!;
  const request = fromJson(method.input, wellFormedRequest(method) as JsonObject);
  return await call(request).then(
    () => undefined,
    (error: unknown) => ConnectError.from(error).code,
  );
}
