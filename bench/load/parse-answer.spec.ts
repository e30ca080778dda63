import assert from "node:assert/strict";
import { parseAnswer } from "./parse-answer.ts";

const plain = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}';
const chunked =
  'HTTP/1.1 429 Too Many Requests\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"a\r\na\r\n":1,"b":22\r\n1\r\n}\r\n0\r\n\r\n';

describe("reading an answer", () => {
  for (const [name, text, status, body] of [
    ["of a known length", plain, 200, '{"a":1}'],
    ["in chunks", chunked, 429, '{"a":1,"b":22}'],
    ["without a body", "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n", 204, ""],
  ] as const) {
    it(`${name} waits for all of it`, () => {
      const data = Buffer.from(text);
      for (let length = 0; length < data.length; length += 1) {
        assert.equal(parseAnswer(data.subarray(0, length)), undefined, `after ${length} bytes`);
      }
      const parsed = parseAnswer(data)!;
      assert.deepEqual([parsed.status, parsed.body.toString()], [status, body]);
    });
  }

  it("takes no length from a body", () => {
    const text = "HTTP/1.1 200 OK\r\n\r\ncontent-length: 99";
    assert.equal(parseAnswer(Buffer.from(text))!.body.length, 0);
  });
});
