// Errors that are given in masses, written once. Making one and writing it as JSON costs 50 to 90 microseconds, most of what
// an OK answer costs; a crowd that is refused would cost more than the buyers that are served.

import type { ServerResponse } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { jsonWriteOptions } from "./json-options.ts";

/** An error as Connect writes it, ready to be sent. */
export type PreparedReply = { status: number; headers: string[]; body: Uint8Array };

const preparedReplies = new WeakMap<ConnectError, PreparedReply>();

/** Writes an error, which from now on is not to be changed, and returns it; it may be thrown any number of times. */
export function prepareError(error: ConnectError): ConnectError {
  preparedReplies.set(error, replyOfError(error));
  return error;
}

/** Returns what an error looks like on the wire: as it was prepared, otherwise written now. */
export function replyOfError(error: ConnectError): PreparedReply {
  const prepared = preparedReplies.get(error);
  if (prepared) return prepared;
  const body = errorToJsonBytes(error, jsonWriteOptions);
  const headers = ["content-type", "application/json", "content-length", String(body.byteLength)];
  error.metadata.forEach((value, name) => headers.push(name, value));
  return { status: codeToHttpStatus(error.code), headers, body };
}

/**
 * Sends an answer at the end of this turn of the event loop, unless one was sent by then or the client is gone.
 *
 * Not at once: a client that hears a refusal may ask again at once, and where thousands do, the loop goes on reading (libuv
 * takes up to 48 times 1,024 sockets in one turn) and gets round to nothing else for seconds, not even to sending batches to
 * the services. This way a connection is answered from memory once in a turn at most.
 */
export function sendReply(response: ServerResponse, reply: PreparedReply): void {
  setImmediate(sendNow, response, reply);
}

function sendNow(response: ServerResponse, { status, headers, body }: PreparedReply): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, headers);
  response.end(body);
}
