import assert from "node:assert/strict";
import { parseArguments } from "./arguments.ts";

const names = ["kill/payment/captured", "kill/gateway/held", "postgres/killed"];

describe("make faults' arguments", () => {
  it("ask for every case by default", () => {
    const asked = { names, isWhole: true, reportDir: "test/faults/report" };
    assert.deepEqual(parseArguments([], names), { kind: "parsed", asked });
  });

  it("ask for the cases whose names contain one of the words, in the matrix's order, and for a place of the report", () => {
    assert.deepEqual(parseArguments(["only=postgres,/held", "report=.data/faults"], names), {
      kind: "parsed",
      asked: { names: ["kill/gateway/held", "postgres/killed"], isWhole: false, reportDir: ".data/faults" },
    });
  });

  it("are refused where they name no case, or say something else", () => {
    for (const wrong of ["only=redis", "quick=1", "faults"]) {
      assert.equal(parseArguments([wrong], names).kind, "wrong", wrong);
    }
  });
});
