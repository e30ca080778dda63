import assert from "node:assert/strict";
import { isLikeCardNumber } from "./card-number.ts";

describe("a card number", () => {
  it("is seen, with spaces and hyphens or without", () => {
    for (const number of ["4242424242424242", "4242 4242 4242 4242", "4000-0027-6000-3184", "378282246310005"]) {
      assert.ok(isLikeCardNumber(number), number);
    }
  });

  it("is not seen in tokens, nor in digits that are none", () => {
    const others = [
      "tok_approve",
      "pm_1MqLiJLkdIwHu7ixUEgbFdYF",
      "4242424242424241",
      "42424242420",
      "0".repeat(20),
      "",
    ];
    for (const token of others) assert.ok(!isLikeCardNumber(token), token);
  });
});
