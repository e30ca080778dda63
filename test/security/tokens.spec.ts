// Forged, stolen and outlived tokens. An id token proves an identity once, so everything that can be wrong with a JWT is tried
// on it; a session token is what travels with each request.
// Sources: RFC 8725 (JSON Web Token Best Current Practices), OpenID Connect Core 1.0, section 3.1.3.7.

import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type GenerateKeyPairResult, type JWK } from "jose";
import { Role } from "#gen/boxoffice/edge/v1/session";
import { post, startTestGateway, tokenFor, type TestGateway } from "../../gateway/test/harness.ts";
import { edgeMethods, nameOf, wellFormedRequest } from "../support/edge-methods.ts";

const audience = "boxoffice";
const algorithm = "RS256";

type Claims = Record<string, unknown>;
type Header = { alg: string; [name: string]: unknown };

describe("an id token", () => {
  let issuer: string;
  let server: Server;
  let gateway: TestGateway;
  let ours: GenerateKeyPairResult;
  let theirs: GenerateKeyPairResult;
  let ourJwk: JWK;

  before(async () => {
    ours = await generateKeyPair(algorithm, { extractable: true });
    theirs = await generateKeyPair(algorithm, { extractable: true });
    // Without `alg`, as many issuers publish theirs: which algorithms are good is the verifier's to say.
    ourJwk = { ...(await exportJWK(ours.publicKey)), kid: "ours", use: "sig" };
    server = createServer((_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: [ourJwk] })),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    gateway = await startTestGateway({ OIDC_ISSUER: issuer });
  });
  after(async () => {
    await gateway?.stop();
    server?.close();
  });

  const claims = (): Claims => {
    const iat = Math.floor(Date.now() / 1_000);
    return { iss: issuer, aud: audience, sub: "jane", iat, exp: iat + 60, roles: ["organiser"] };
  };
  const sign = (payload: Claims, header: Partial<Header> = {}, key = ours.privateKey) =>
    new SignJWT(payload).setProtectedHeader({ alg: algorithm, kid: "ours", ...header }).sign(key);
  const exchange = (idToken: string) => post(gateway.url, "SessionService/ExchangeIdToken", { idToken });
  const assertRefused = async (idToken: string) => {
    const { status, body } = await exchange(idToken);
    assert.deepEqual([status, body.code, body.session], [401, "unauthenticated", undefined], idToken);
  };

  it("is taken when everything about it is right", async () => {
    const { status, body } = await exchange(await sign(claims()));
    assert.deepEqual([status, body.session.roles], [200, ["ROLE_ORGANISER"]]);
    const several = { aud: ["others", audience], azp: audience };
    for (const more of [{ aud: [audience] }, several, { azp: "an app of theirs" }]) {
      assert.equal((await exchange(await sign({ ...claims(), ...more }))).status, 200);
    }
    for (const typ of ["JWT", "jwt", "application/jwt"]) {
      assert.equal((await exchange(await sign(claims(), { typ }))).status, 200);
    }
  });

  it("is refused when it is another kind of token of the same issuer", async () => {
    for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt", "logout+jwt", ""]) {
      await assertRefused(await sign(claims(), { typ }));
    }
  });

  it("is refused when it says that it needs no signature, however that is spelt", async () => {
    const [, payload, signature] = (await sign(claims())).split(".");
    for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
      for (const end of ["", signature!]) await assertRefused(`${encode({ alg, kid: "ours" })}.${payload}.${end}`);
    }
  });

  it("is refused when it is signed with HMAC and the public key as its secret, in any form", async () => {
    const spki = await exportSPKI(ours.publicKey);
    const forms = [
      ...[spki, spki.trim(), spki.replaceAll("\n", "\r\n"), JSON.stringify(ourJwk), ourJwk.n!],
      ...[Buffer.from(ourJwk.n!, "base64url"), createPublicKey(spki).export({ type: "spki", format: "der" })],
      ...["", "ours"],
    ];
    for (const [alg, hash] of [["HS256", "sha256"] as const, ["HS512", "sha512"] as const]) {
      const text = `${encode({ alg, kid: "ours" })}.${encode(claims())}`;
      for (const secret of forms) {
        await assertRefused(`${text}.${createHmac(hash, secret).update(text).digest("base64url")}`);
      }
    }
  });

  it("is refused when it uses an algorithm of the same key that nobody agreed on", async () => {
    for (const alg of ["RS384", "RS512"]) {
      const key = await crypto.subtle.importKey(
        "pkcs8",
        await crypto.subtle.exportKey("pkcs8", ours.privateKey),
        { name: "RSASSA-PKCS1-v1_5", hash: `SHA-${alg.slice(2)}` },
        false,
        ["sign"],
      );
      await assertRefused(await sign(claims(), { alg }, key));
    }
  });

  it("is refused when another key signed it, whatever key it names or brings along", async () => {
    const theirJwk = await exportJWK(theirs.publicKey);
    const headers: Partial<Header>[] = [
      {},
      { kid: "theirs" },
      { kid: "../../../../dev/null" },
      { kid: "ours' or '1'='1" },
      { jwk: theirJwk },
      { jwk: theirJwk, kid: "theirs" },
      { jku: `${issuer}/jwks.json`, kid: "theirs" },
      { x5u: "https://attacker.example/cert.pem" },
    ];
    for (const header of headers) await assertRefused(await sign(claims(), header, theirs.privateKey));
  });

  it("is refused when it names a key that the issuer does not have, though the right one signed it", async () => {
    for (const kid of ["theirs", "", "OURS"]) await assertRefused(await sign(claims(), { kid }));
  });

  it("is refused when it demands something that nobody here understands", async () => {
    const [, payload] = (await sign(claims())).split(".");
    const header = encode({ alg: algorithm, kid: "ours", crit: ["exp2"], exp2: 1 });
    const signature = await crypto.subtle.sign(
      "RSASSA-PKCS1-v1_5",
      ours.privateKey,
      Buffer.from(`${header}.${payload}`),
    );
    await assertRefused(`${header}.${payload}.${Buffer.from(signature).toString("base64url")}`);
  });

  const wrong: [what: string, changed: () => Claims][] = [
    ["is meant for others", () => ({ aud: "others" })],
    ["is meant for several others", () => ({ aud: ["others", "more"] })],
    ["is meant for others too, and does not say to whom it was issued", () => ({ aud: [audience, "others"] })],
    ["is meant for others too, and was issued to one of them", () => ({ aud: [audience, "others"], azp: "others" })],
    ["is meant for nobody", () => ({ aud: undefined })],
    ["is meant for somebody with a longer name", () => ({ aud: `${audience}2` })],
    ["comes from another issuer", () => ({ iss: "https://elsewhere.example" })],
    ["comes from an issuer with almost the same name", () => ({ iss: `${issuer}/` })],
    ["comes from nobody", () => ({ iss: undefined })],
    ["has expired", () => ({ exp: now() - 31 })],
    ["never expires", () => ({ exp: undefined })],
    ["expires at a time that is no number", () => ({ exp: "tomorrow" })],
    ["is not valid yet", () => ({ nbf: now() + 600 })],
    ["does not say when it was made", () => ({ iat: undefined })],
    ["names nobody", () => ({ sub: undefined })],
    ["names somebody by an object", () => ({ sub: { toString: "jane" } })],
  ];
  for (const [what, changed] of wrong) {
    it(`is refused when it ${what}`, async () => assertRefused(await sign({ ...claims(), ...changed() })));
  }

  it("is refused when it was changed after it was signed", async () => {
    const [header, , signature] = (await sign({ ...claims(), roles: [] })).split(".");
    await assertRefused(`${header}.${encode(claims())}.${signature}`);
  });

  it("gives no role that it does not name exactly", async () => {
    const almost = [
      "Organiser",
      "organiser ",
      "organiser,gate",
      "ROLE_ORGANISER",
      "organis",
      ["organiser"],
      { organiser: true },
      1,
    ];
    const { body } = await exchange(await sign({ ...claims(), roles: almost }));
    assert.deepEqual(body.session.roles, []);
    for (const roles of [{ organiser: true }, "organiser gate", 1, null, true]) {
      assert.deepEqual((await exchange(await sign({ ...claims(), roles }))).body.session.roles, []);
    }
  });

  it("is the same customer when it is replayed, and nobody else's", async () => {
    const token = await sign({ ...claims(), sub: "guest:1" });
    const [first, replayed] = [await exchange(token), await exchange(token)];
    assert.equal(first.body.session.customerId, replayed.body.session.customerId);
    assert.notEqual(first.body.session.customerId, "guest:1");
    const other = await exchange(await sign({ ...claims(), sub: "guest:2" }));
    assert.notEqual(other.body.session.customerId, first.body.session.customerId);
  });

  it("is no session, nor is a session an id token", async () => {
    const idToken = await sign(claims());
    const { status } = await post(gateway.url, "ReservationService/ListReservations", {}, { token: idToken });
    assert.equal(status, 401);
    await assertRefused(tokenFor("guest:1", { roles: [Role.ORGANISER] }));
  });
});

describe("a replayed session", () => {
  let gateway: TestGateway;
  let elsewhere: TestGateway;
  const secret = "the-secret-of-another-deployment-1";

  before(async () => {
    gateway = await startTestGateway();
    gateway.fakes.reservation.handlers.listReservations = async () => ({});
    elsewhere = await startTestGateway({ SESSION_SECRET: secret }, gateway.fakes);
  });
  after(async () => {
    await elsewhere?.stop();
    await gateway?.stop();
  });

  const statusOf = async (token: string, at = gateway) =>
    (await post(at.url, "ReservationService/ListReservations", {}, { token })).status;

  for (const method of edgeMethods) {
    it(`is refused by ${nameOf(method)} once it has ended, public or not`, async () => {
      const token = tokenFor("oidc:boss", { roles: [Role.ORGANISER, Role.GATE], expiresAtMs: Date.now() - 1_000 });
      const path = `${method.parent.name}/${method.name}`;
      const { status, body } = await post(gateway.url, path, wellFormedRequest(method), { token });
      assert.deepEqual([status, body.code], [401, "unauthenticated"]);
    });
  }

  it("is refused by another deployment, and works in its own", async () => {
    const token = tokenFor("guest:1");
    assert.deepEqual([await statusOf(token), await statusOf(token, elsewhere)], [200, 401]);
    const foreign = tokenFor("guest:1", { secret });
    assert.deepEqual([await statusOf(foreign), await statusOf(foreign, elsewhere)], [401, 200]);
  });

  it("is refused when a single character of it was changed, wherever", async () => {
    const token = tokenFor("guest:1");
    assert.equal(await statusOf(token), 200);
    for (let at = 0; at < token.length; at += 1) {
      const changed = token[at] === "A" ? "B" : "A";
      assert.equal(await statusOf(`${token.slice(0, at)}${changed}${token.slice(at + 1)}`), 401, `character ${at}`);
    }
  });

  it("is refused with another session's contents under its signature", async () => {
    const [, mine] = tokenFor("guest:1").split(".");
    const [boss] = tokenFor("oidc:boss", { roles: [Role.ORGANISER] }).split(".");
    assert.equal(await statusOf(`${boss}.${mine}`), 401);
    assert.equal(await statusOf(`${boss}.`), 401);
    assert.equal(await statusOf(boss!), 401);
  });

  it("acts for its own customer alone, whatever else the request says of who is calling", async () => {
    const seen: string[] = [];
    gateway.fakes.reservation.handlers.listReservations = async ({ customerId }) => {
      seen.push(customerId);
      return {};
    };
    const headers = {
      "x-customer-id": "guest:2",
      "x-user": "guest:2",
      cookie: "session=guest:2",
      "l5d-client-id": "x",
    };
    await post(gateway.url, "ReservationService/ListReservations", {}, { token: tokenFor("guest:1"), headers });
    assert.deepEqual(seen, ["guest:1"]);
  });
});

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function now(): number {
  return Math.floor(Date.now() / 1_000);
}
