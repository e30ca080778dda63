// The sandbox provider's HTTP face: routes, idempotency keys, and the faults that its tokens ask for.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { actionPage } from "./action-page.ts";
import { administer, notFound } from "./administer.ts";
import { failed, type Answer } from "./answer.ts";
import { behaviourOf, type Fault } from "./behaviour.ts";
import { createBook, type Action, type Book } from "./book.ts";
import type { FeeRate } from "./fee.ts";
import { createNotices, type Notices } from "./notices.ts";
import { parseAction, type BadRequest } from "./parse-action.ts";
import { readBody } from "./read-body.ts";

/** How a sandbox behaves. */
export type SandboxOptions = {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Milliseconds that a slow answer takes. */
  slowMs: number;
  /** Most authorisations that it remembers; the oldest is forgotten first. */
  recordsMax: number;
  /** What it keeps of captures; nothing where it is missing. */
  fee?: FeeRate;
  /** Where webhooks go and what they are signed with; none are sent where either is missing. */
  webhook?: { endpoint: string; secret: string };
};

/** A running sandbox. */
export type Sandbox = {
  port: number;
  url: string;
  book: Book;
  notices: Notices;
  /** While down, every call is answered with 503 and does nothing. */
  setDown(down: boolean): void;
  /** Closes it, open connections too. */
  close(): Promise<void>;
};

const lookPath = /^\/v1\/(?:authorizations\/([\w.-]+)\/status|captures\/([\w.-]+)\/fee)$/;

// A silent call is cut after this long if its client has more patience.
const silenceMs = 60_000;

/** Starts the sandbox. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const notices = createNotices({ endpoint: "", secret: "", ...options.webhook, now: Date.now });
  let url = "";
  const book = createBook({
    recordsMax: options.recordsMax,
    fee: options.fee ?? { basisPoints: 0, fixedMinor: 0 },
    actionUrlOf: (reference) => `${url}/actions/${reference}`,
    notify: notices.emit,
  });
  let down = false;
  const sandbox: Pick<Sandbox, "book" | "notices" | "setDown"> = {
    book,
    notices,
    setDown: (value) => void (down = value),
  };

  const server = createServer((request, response) => {
    const operate = async () => {
      if (request.url?.startsWith("/actions/")) return actAsCustomer(request, { book, response });
      const [, looked, captured] = lookPath.exec(request.method === "GET" ? request.url! : "") ?? [];
      if (looked) return send(response, down ? unavailable : book.look(looked));
      if (captured) return send(response, down ? unavailable : book.tellFee(captured));
      if (request.method !== "POST") return send(response, await administer(request, sandbox));
      const body = await readBody(request);
      if (down) return send(response, unavailable);
      await act(parseAction(request, body), { book, response, slowMs: options.slowMs });
    };
    operate().catch(() => response.destroy());
  });
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
  return {
    ...sandbox,
    port,
    url,
    close: () =>
      new Promise((resolve) => {
        notices.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

// A bank's page: no keys, and a form's POST has no JSON. Browsers go from a button back to the page, which then shows how the
// payment stands and may be loaded again; programs get JSON.
function actAsCustomer(request: IncomingMessage, { book, response }: Pick<ActContext, "book" | "response">): void {
  request.resume();
  const [, reference = "", verb] = /^\/actions\/([A-Za-z0-9-]{1,64})(?:\/(complete|fail))?$/.exec(request.url!) ?? [];
  const isPost = request.method === "POST";
  if (isPost !== (verb !== undefined)) return send(response, notFound);
  const authorization = isPost ? book.prove(reference, verb === "complete") : book.find(reference);
  if (!authorization) return send(response, notFound);
  if (isPost && isBrowser(request)) {
    return void response.writeHead(303, { location: `/actions/${reference}`, "content-length": 0 }).end();
  }
  if (isPost) return send(response, { status: 200, body: { reference, status: authorization.status } });
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(actionPage(authorization));
}

function isBrowser({ headers }: IncomingMessage): boolean {
  const type = headers["content-type"] ?? "";
  return type.startsWith("application/x-www-form-urlencoded") || (headers.accept ?? "").includes("text/html");
}

type ActContext = { book: Book; response: ServerResponse; slowMs: number };
type Call = { idempotencyKey: string; action: Action };

async function act(call: Call | BadRequest, { book, response, slowMs }: ActContext): Promise<void> {
  if ("status" in call) return send(response, failed(call.status, call.code));
  const fault = faultOf(call.action, book);
  if (fault === "down") return send(response, unavailable);
  if (fault === "reset") return void response.socket?.resetAndDestroy();
  const answer = book.act(call.idempotencyKey, call.action);
  switch (fault) {
    case "none":
      return send(response, answer);
    case "slow":
      await delay(slowMs);
      return send(response, answer);
    case "silence":
      return void setTimeout(() => response.destroy(), silenceMs).unref();
    case "garbled":
      return void response.writeHead(200, { "content-type": "text/html" }).end("<html>busy</html>");
    case "twice":
      return sendTwice(response, answer);
  }
}

function faultOf(action: Action, book: Book): Fault {
  const token = "token" in action ? action.token : book.find("ref" in action ? action.ref : action.reference)?.token;
  const fault = token === undefined ? undefined : behaviourOf(token)?.fault;
  return fault?.(action.operation, book.countCall(action.operation, action.reference)) ?? "none";
}

const unavailable: Answer = failed(503, "unavailable");

function send(response: ServerResponse, answer: Answer): void {
  const body = JSON.stringify(answer.body);
  response
    .writeHead(answer.status, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      ...(answer.replayed ? { "idempotent-replayed": "true" } : {}),
    })
    .end(body);
}

// The second copy goes out behind the first, on the same connection, as an answer to nothing.
function sendTwice(response: ServerResponse, answer: Answer): void {
  const { socket } = response;
  const body = JSON.stringify(answer.body);
  socket?.cork();
  send(response, answer);
  socket?.write(
    `HTTP/1.1 ${answer.status} OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  socket?.uncork();
}
