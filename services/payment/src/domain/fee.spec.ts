import assert from "node:assert/strict";
import { parseFee } from "./fee.ts";

describe("a fee", () => {
  it("is an amount of minor units in a currency", () => {
    assert.deepEqual(parseFee(88, "eur"), { amountMinor: 88, currencyCode: "EUR" });
    assert.deepEqual(parseFee(0, "USD"), { amountMinor: 0, currencyCode: "USD" });
  });

  it("is unknown where a provider tells anything else", () => {
    for (const amount of [-1, 0.5, Number.NaN, 2 ** 53, "88", null, undefined]) {
      assert.equal(parseFee(amount, "EUR"), undefined);
    }
    for (const currency of ["", "EURO", "€", 978, null, undefined]) assert.equal(parseFee(88, currency), undefined);
  });
});
