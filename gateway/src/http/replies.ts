// Answers that no method gives. Their bodies look like Connect's errors, so that its clients show the message.
// Source: https://connectrpc.com/docs/protocol#error-end-stream

import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { edgeServices } from "../policy.ts";

/** A response of either HTTP version. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** An error as Connect writes it. */
export type ErrorReply = { status: number; code: string; message: string };

/** Sends an error. */
export function replyError(response: HttpResponse, { status, code, message }: ErrorReply): void {
  replyJson(response, status, { code, message });
}

/** Answers what is not a method's path: `/` says what this is, everything else what is here. */
export function replyToUnknownPath(path: string, response: HttpResponse): void {
  const services = edgeServices.map(({ typeName }) => typeName);
  if (path === "/") {
    const health = "/live and /ready on the admin port";
    return replyJson(response, 200, {
      name: "Boxoffice",
      api: "POST /<service>/<method>",
      services,
      docs: "docs/api.md",
      health,
    });
  }
  replyJson(response, 404, {
    code: "unimplemented",
    message: "nothing is here: POST a JSON message to /<service>/<method>",
    services,
  });
}

function replyJson(response: HttpResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
