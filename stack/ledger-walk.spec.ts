import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { LedgerBreak, VerifyLedgerResponseSchema } from "#gen/boxoffice/edge/v1/operations";
import { parsePosition, printPosition, walkLedger } from "./ledger-walk.ts";

const hash = "a".repeat(64);
type Answer = MessageInitShape<typeof VerifyLedgerResponseSchema>;

/** Walks while the service gives one answer after the other; returns what came of it, what was asked and what was heard. */
async function walk(answers: Answer[], after?: { link: bigint; hash: string }) {
  const asked: (bigint | undefined)[] = [];
  const heard: string[] = [];
  const result = await walkLedger(
    async (request) => {
      asked.push(request.after?.link);
      return create(VerifyLedgerResponseSchema, answers[asked.length - 1]!);
    },
    { after, onProgress: (position, headLink) => heard.push(`${printPosition(position)} of ${headLink}`) },
  );
  return { result, asked, heard };
}

describe("a walk over the ledger", () => {
  it("goes on where it was until all is verified, and tells how far it is", async () => {
    const { result, asked, heard } = await walk([
      { verified: { link: 5n, hash }, headLink: 7n },
      { verified: { link: 7n, hash }, headLink: 7n, done: true, unsealed: 2n },
    ]);
    assert.deepEqual(asked, [undefined, 5n]);
    assert.deepEqual(heard, [`5:${hash} of 7`, `7:${hash} of 7`]);
    assert.deepEqual(result, { kind: "whole", head: { link: 7n, hash }, unsealed: 2n });
  });

  it("begins at the position that it is given, and ends at once where there is nothing", async () => {
    assert.deepEqual((await walk([{ done: true }], { link: 3n, hash })).asked, [3n]);
    assert.deepEqual((await walk([{ done: true }])).result, { kind: "whole", head: undefined, unsealed: 0n });
  });

  it("ends at the first broken link, and names it", async () => {
    const key = { eventId: "e", paymentId: "p", transactionKind: "refund", reference: "r" };
    const broken = { link: 6n, kind: LedgerBreak.ALTERED, description: "not what was sealed", ...key };
    const { result } = await walk([{ verified: { link: 5n, hash }, headLink: 7n, broken }]);
    const words = "link 6 is altered: not what was sealed (refund r of payment p, event e)";
    assert.deepEqual(result, { kind: "broken", words });
  });

  it("tells of no progress where nothing was verified", async () => {
    const after = { link: 999n, hash };
    const broken = { link: 999n, kind: LedgerBreak.MISSING, description: "the chain ends before it" };
    const { result, heard } = await walk([{ verified: after, headLink: 64n, broken }], after);
    assert.deepEqual(result, { kind: "broken", words: "link 999 is missing: the chain ends before it" });
    assert.deepEqual([...heard, ...(await walk([{ done: true }])).heard], []);
  });

  it("reads a position as it was printed, its hash also in capitals, and nothing else", () => {
    assert.deepEqual(parsePosition(printPosition({ link: 12n, hash })), { link: 12n, hash });
    assert.deepEqual(parsePosition(`12:${hash.toUpperCase()}`), { link: 12n, hash });
    for (const text of ["", "12", `12:${hash}0`, `:${hash}`, `x:${hash}`, `12:${"g".repeat(64)}`]) {
      assert.equal(parsePosition(text), undefined);
    }
  });
});
