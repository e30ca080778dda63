// An OIDC issuer for development: whoever asks gets an id token for any subject with any roles. Its key lives as long as the
// process.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** A running issuer. */
export type Issuer = {
  /** Where it listens. */
  url: string;
  port: number;
  close(): Promise<void>;
};

const algorithm = "EdDSA";
const bodyBytesMax = 8 * 1024;
const tokenTtl = "10 minutes";

/**
 * Listens on `port` (0 takes a free one) of `host`. Its tokens name `name` as `iss`, its address where that is empty. `/.well-known/openid-configuration` and `/jwks.json` are as OIDC has
 * them; `POST /token` takes `{"sub": "…", "roles": ["organiser"]}` and answers `{"id_token": "…"}`.
 */
export async function startIssuer(options: {
  host: string;
  port: number;
  audience: string;
  name?: string;
}): Promise<Issuer> {
  const { host, port, audience, name } = options;
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { crv: "Ed25519" });
  const kid = crypto.randomUUID();
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: algorithm, use: "sig" }] };
  let url = "";

  const sign = ({ sub, roles }: Wish) =>
    new SignJWT({ roles })
      .setProtectedHeader({ alg: algorithm, kid, typ: "JWT" })
      .setIssuer(name || url)
      .setAudience(audience)
      .setSubject(sub)
      .setIssuedAt()
      .setExpirationTime(tokenTtl)
      .sign(privateKey);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (`${request.method} ${request.url}`) {
      case "GET /.well-known/openid-configuration":
        return reply(response, 200, {
          issuer: name || url,
          jwks_uri: `${url}/jwks.json`,
          token_endpoint: `${url}/token`,
          id_token_signing_alg_values_supported: [algorithm],
          subject_types_supported: ["public"],
        });
      case "GET /jwks.json":
        return reply(response, 200, jwks);
      case "POST /token": {
        const wish = parseWish(await readText(request));
        if (!wish) return reply(response, 400, { error: 'send {"sub": "…", "roles": ["organiser"]}' });
        return reply(response, 200, { id_token: await sign(wish) });
      }
      default:
        return reply(response, 404, {
          error: "here are /.well-known/openid-configuration, /jwks.json and POST /token",
        });
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  const bound = (server.address() as AddressInfo).port;
  url = `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${bound}`;
  return {
    url,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Wish = { sub: string; roles: string[] };

// Returns undefined for whatever is not a wish.
function parseWish(text: string | undefined): Wish | undefined {
  if (text === undefined) return undefined;
  try {
    const { sub, roles = [] } = JSON.parse(text) as Partial<Wish>;
    const isWish =
      typeof sub === "string" && sub !== "" && Array.isArray(roles) && roles.every((role) => typeof role === "string");
    return isWish ? { sub, roles } : undefined;
  } catch {
    return undefined;
  }
}

// Returns undefined for a body that is too large.
async function readText(request: IncomingMessage): Promise<string | undefined> {
  let text = "";
  let tooLarge = false;
  for await (const chunk of request.setEncoding("utf8")) {
    tooLarge ||= text.length + (chunk as string).length > bodyBytesMax;
    if (!tooLarge) text += chunk as string;
  }
  return tooLarge ? undefined : text;
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
