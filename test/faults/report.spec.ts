import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forgetRecords, markdownOf, withRecord, writeRecord, type CaseRecord } from "./report.ts";

const record = (name: string, changes: Partial<CaseRecord> = {}): CaseRecord => ({
  name,
  proof: "process 7 was killed",
  recoveryMs: 1_234,
  recoveryMsMax: 5_000,
  storyMs: 1_500,
  settledMs: 2_000,
  bookings: 30,
  known: 200,
  unknown: 4,
  problems: [],
  tookMs: 8_000,
  ranAt: "2026-11-21T18:00:00.000Z",
  commit: "abc",
  ...changes,
});

describe("the report of faults", () => {
  it("keeps the matrix's order, replaces cases that ran anew, and forgets those that are gone", () => {
    const before = { cases: [record("b"), record("gone"), record("a", { bookings: 1 })] };
    const after = withRecord(before, record("a"), ["a", "b", "c"]);
    assert.deepEqual(
      after.cases.map(({ name, bookings }) => [name, bookings]),
      [
        ["a", 30],
        ["b", 30],
      ],
    );
  });

  it("says first what does not hold", () => {
    const text = markdownOf({ cases: [record("a"), record("b", { problems: ["a seat was sold twice"] })] }, 3);
    assert.match(text, /2 of 3 cases have run: 1 hold, 1 do not/);
    assert.match(text, /\*\*b\*\* [^\n]*\n- a seat was sold twice/);
    assert.match(text, /\| a \| holds \| 1\.2 s \| 1\.5 s \| 2\.0 s \| 30 \| 200 \(4\) \| process 7 was killed \|/);
  });

  it("says when its rows ran and on which commits, and marks those of another commit or of a changed tree", () => {
    const [early, late] = ["2026-11-21T18:00:00.000Z", "2026-11-21T19:00:00.000Z"];
    const same = markdownOf({ cases: [record("a", { ranAt: late }), record("b", { ranAt: early })] }, 2);
    assert.match(same, new RegExp(`from ${early} to ${late}, on commit abc\\. Every row is of that commit`));
    assert.match(same, /\| a \| holds/);
    const others = [
      record("a", { ranAt: early, commit: "old" }),
      record("b", { ranAt: late }),
      record("c", { ranAt: early, commit: "abc with changes" }),
    ];
    const mixed = markdownOf({ cases: others }, 3);
    assert.match(mixed, /on commit abc, and on old, and on abc with changes\. 2 rows name their commit/);
    assert.match(mixed, /\| a \(old\) \|[^\n]*\n\| b \|[^\n]*\n\| c \(abc with changes\) \|/);
  });

  it("is written for people and for programs, and can begin anew", async () => {
    const dir = await mkdtemp(join(tmpdir(), "boxoffice-faults-"));
    try {
      await writeRecord(dir, record("a"), ["a", "b"]);
      await writeRecord(dir, record("b", { recoveryMs: undefined }), ["a", "b"]);
      const { cases } = JSON.parse(await readFile(join(dir, "report.json"), "utf8")) as { cases: CaseRecord[] };
      assert.deepEqual(
        cases.map(({ name }) => name),
        ["a", "b"],
      );
      assert.match(await readFile(join(dir, "report.md"), "utf8"), /\| b \| holds \| – \|/);
      await forgetRecords(dir);
      await writeRecord(dir, record("b"), ["a", "b"]);
      assert.match(await readFile(join(dir, "report.md"), "utf8"), /1 of 2 cases have run/);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
