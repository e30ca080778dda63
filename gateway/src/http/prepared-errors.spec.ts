import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { setImmediate as endOfTurn } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { prepareError, replyOfError, sendReply } from "./prepared-errors.ts";

describe("an answer from memory", () => {
  const reply = replyOfError(prepareError(new ConnectError("no room", Code.ResourceExhausted)));

  function responseOf({ destroyed = false, headersSent = false } = {}) {
    const sent: unknown[] = [];
    const response = {
      destroyed,
      headersSent,
      writeHead: (status: number) => sent.push(status),
      end: (body: Uint8Array) => sent.push(Buffer.from(body).toString()),
    };
    return { response, sent, send: () => sendReply(response as unknown as ServerResponse, reply) };
  }

  it("leaves at the end of the turn, so that those who ask again at once don't keep the loop from all else", async () => {
    const { send, sent } = responseOf();
    send();
    await Promise.resolve();
    assert.deepEqual(sent, []);
    await endOfTurn();
    assert.deepEqual(sent, [429, '{"code":"resource_exhausted","message":"no room"}']);
  });

  it("is not sent to a client that has gone in the meantime, nor after another answer", async () => {
    const gone = responseOf();
    gone.send();
    gone.response.destroyed = true;
    const answered = responseOf({ headersSent: true });
    answered.send();
    await endOfTurn();
    assert.deepEqual([gone.sent, answered.sent], [[], []]);
  });
});
