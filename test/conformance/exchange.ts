// The HTTP exchange that a call belongs to. The suite wants headers echoed and sent, which no method of ours does: here they
// are read and set on Node's request and response, so that the gateway's code needs nothing for it, and must not lose them.

import { AsyncLocalStorage } from "node:async_hooks";
import type { RequestListener } from "../../gateway/src/http/connect-handler.ts";
import type { HttpRequest } from "../../gateway/src/http/read-body.ts";
import type { HttpResponse } from "../../gateway/src/http/replies.ts";

/** A header with all its values, as the suite writes it. */
type Header = { name: string; value: string[] };

const exchanges = new AsyncLocalStorage<{ request: HttpRequest; response: HttpResponse }>();

/** Returns the listener, with its exchanges made known to the calls within. */
export function withExchange(listener: RequestListener): RequestListener {
  return (request, response) => exchanges.run({ request, response }, () => listener(request, response));
}

/** Returns the headers of the current call's request, one entry a name. */
export function requestHeaders(): Header[] {
  const values = new Map<string, string[]>();
  const { rawHeaders } = current().request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    if (!name.startsWith(":")) values.set(name, [...(values.get(name) ?? []), rawHeaders[index + 1]!]);
  }
  return [...values].map(([name, value]) => ({ name, value }));
}

/** Returns the query parameters of the current call, or undefined where it is not a GET. */
export function queryParams(): Header[] | undefined {
  const { method, url = "" } = current().request;
  if (method !== "GET") return undefined;
  return [...new URL(url, "http://localhost").searchParams].map(([name, value]) => ({ name, value: [value] }));
}

/** Sets headers and trailers of the current call's answer. */
export function setResponseMetadata(headers: Header[], trailers: Header[]): void {
  const { request, response } = current();
  const isGrpc = /^application\/grpc(\+|$)/.test(request.headers["content-type"] ?? "");
  for (const { name, value } of headers) response.setHeader(name, value);
  for (const { name, value } of trailers) {
    // Connect sends a unary answer's trailers as headers: https://connectrpc.com/docs/protocol#unary-response
    if (isGrpc) response.addTrailers({ [name]: value as never });
    else response.setHeader(`trailer-${name}`, value);
  }
}

function current(): { request: HttpRequest; response: HttpResponse } {
  const exchange = exchanges.getStore();
  if (!exchange) throw new Error("a call outside of any exchange");
  return exchange;
}
