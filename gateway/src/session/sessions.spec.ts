import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { Role, SessionService } from "#gen/boxoffice/edge/v1/session";
import { clientOf, post, startTestGateway, type TestGateway } from "../../test/harness.ts";
import { startIssuer, type Issuer } from "../dev-issuer/issuer.ts";

const customerIdPattern = /^[\x21-\x7e]{1,200}$/;

describe("sessions", () => {
  let issuer: Issuer;
  let gateway: TestGateway;
  const sessions = () => clientOf(SessionService, gateway.url);

  before(async () => {
    issuer = await startIssuer({ host: "127.0.0.1", port: 0, audience: "boxoffice" });
    gateway = await startTestGateway({ OIDC_ISSUER: issuer.url });
  });
  after(async () => {
    await gateway.stop();
    await issuer.close();
  });

  const idToken = async (wish: object): Promise<string> => {
    const response = await fetch(`${issuer.url}/token`, { method: "POST", body: JSON.stringify(wish) });
    assert.equal(response.status, 200);
    return ((await response.json()) as { id_token: string }).id_token;
  };
  const isUnauthenticated = (error: unknown) => ConnectError.from(error).code === Code.Unauthenticated;

  it("opens a session for a guest, another customer each time, that works for 12 hours", async () => {
    const [first, second] = await Promise.all([sessions().createGuestSession({}), sessions().createGuestSession({})]);
    assert.notEqual(first.session!.customerId, second.session!.customerId);
    assert.match(first.session!.customerId, /^guest:[0-9a-f-]{36}$/);
    assert.deepEqual(first.session!.roles, []);
    const hours = (timestampMs(first.session!.expireTime!) - Date.now()) / 3_600_000;
    assert.ok(hours > 11.9 && hours <= 12, `${hours}`);
    const token = first.session!.sessionToken;
    gateway.fakes.reservation.handlers.listReservations = async ({ customerId }) => {
      assert.equal(customerId, first.session!.customerId);
      return {};
    };
    assert.equal((await post(gateway.url, "ReservationService/ListReservations", {}, { token })).status, 200);
  });

  it("exchanges an id token for a session of the same customer each time", async () => {
    const subjects = ["jane", "jane", "jöhn dóe\n", "x".repeat(250)];
    const opened = [];
    for (const sub of subjects) opened.push(await sessions().exchangeIdToken({ idToken: await idToken({ sub }) }));
    const ids = opened.map(({ session }) => session!.customerId);
    assert.equal(ids[0], ids[1]);
    assert.equal(new Set(ids).size, 3);
    for (const id of ids) assert.match(id, customerIdPattern);
  });

  it("takes the known roles from the token, for an hour only", async () => {
    const token = await idToken({ sub: "boss", roles: ["organiser", "gate", "emperor"] });
    const { session } = await sessions().exchangeIdToken({ idToken: token });
    assert.deepEqual(session!.roles, [Role.ORGANISER, Role.GATE]);
    const minutes = (timestampMs(session!.expireTime!) - Date.now()) / 60_000;
    assert.ok(minutes > 59 && minutes <= 60, `${minutes}`);
  });

  const forged: [string, () => Promise<string>][] = [
    ["is no token", async () => "x.y.z"],
    [
      "was changed",
      async () => (await idToken({ sub: "a" })).replace(/\.[^.]+\./, `.${base64({ sub: "b", iss: issuer.url })}.`),
    ],
    [
      "has no signature",
      async () => new UnsecuredJWT({ roles: ["organiser"] }).setSubject("a").setIssuer(issuer.url).encode(),
    ],
    ["is signed by another key", async () => await signed({ iss: issuer.url, aud: "boxoffice" })],
    ["is signed by a key of another kind", async () => await signed({ iss: issuer.url, aud: "boxoffice" }, "RS256")],
  ];
  for (const [what, token] of forged) {
    it(`refuses an id token that ${what}`, async () => {
      await assert.rejects(sessions().exchangeIdToken({ idToken: await token() }), isUnauthenticated);
    });
  }

  it("says UNIMPLEMENTED where no issuer is configured", async () => {
    const guestsOnly = await startTestGateway({}, gateway.fakes);
    const answer = await post(guestsOnly.url, "SessionService/ExchangeIdToken", { idToken: "x" });
    assert.deepEqual([answer.status, answer.body.code], [501, "unimplemented"]);
    await guestsOnly.stop();
  });
});

describe("id tokens of an issuer that signs anything", () => {
  const audience = "boxoffice";
  let server: Server;
  let issuer: string;
  let gateway: TestGateway;
  let sign: (claims: Record<string, unknown>) => Promise<string>;
  let keysStatus = 200;

  before(async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "1", alg: "ES256" }] };
    server = createServer((_, response) =>
      response.writeHead(keysStatus, { "content-type": "application/json" }).end(JSON.stringify(jwks)),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    sign = (claims) => new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "1" }).sign(privateKey);
  });
  beforeEach(async () => (gateway = await startTestGateway({ OIDC_ISSUER: issuer, OIDC_ROLES_CLAIM: "groups" })));
  afterEach(async () => {
    keysStatus = 200;
    await gateway.stop();
  });
  after(() => server.close());

  const exchange = (idToken: string) => post(gateway.url, "SessionService/ExchangeIdToken", { idToken });
  const claims = () => {
    const iat = Math.floor(Date.now() / 1_000);
    return { iss: issuer, aud: audience, sub: "a", iat, exp: iat + 60, groups: "organiser" };
  };

  it("accepts a right one, and reads roles from the configured claim", async () => {
    const answer = await exchange(await sign(claims()));
    assert.deepEqual([answer.status, answer.body.session.roles], [200, ["ROLE_ORGANISER"]]);
  });

  const wrong: [string, Record<string, unknown>][] = [
    ["another issuer", { iss: "https://elsewhere.example" }],
    ["another audience", { aud: "others" }],
    ["an end in the past", { exp: Math.floor(Date.now() / 1_000) - 60 }],
    ["no end", { exp: undefined }],
    ["no subject", { sub: undefined }],
    ["an empty subject", { sub: "" }],
    ["a subject that is no text", { sub: 7 }],
    ["a beginning in the future", { nbf: Math.floor(Date.now() / 1_000) + 86_400 }],
  ];
  for (const [what, changed] of wrong) {
    it(`refuses one with ${what}`, async () => {
      const answer = await exchange(await sign({ ...claims(), ...changed }));
      assert.deepEqual([answer.status, answer.body.code], [401, "unauthenticated"]);
    });
  }

  it("says UNAVAILABLE while the issuer's keys can't be fetched, since nothing is known of the token", async () => {
    keysStatus = 500;
    const token = await sign(claims());
    const answer = await exchange(token);
    assert.deepEqual([answer.status, answer.body.code], [503, "unavailable"]);
    assert.match(answer.body.message, /identity provider/);
  });
});

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

async function signed(claims: Record<string, unknown>, algorithm = "EdDSA"): Promise<string> {
  const { privateKey } = await generateKeyPair(algorithm);
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm })
    .setSubject("a")
    .setIssuedAt()
    .setExpirationTime("1 minute")
    .sign(privateKey);
}
