import assert from "node:assert/strict";
import { ConfigError, integer, readConfig, secret, str, words } from "./config.ts";

const specs = {
  PORT: integer(0, 65_535)({ desc: "port" }),
  TARGET: str({ desc: "where to call" }),
  ORIGINS: words({ default: [], desc: "allowed origins" }),
  SECRET: secret({ desc: "key" }),
};
const good = { PORT: "8080", TARGET: "127.0.0.1:9000", SECRET: "0123456789abcdef0123456789abcdef" };

describe("config", () => {
  it("reads settings and fills in defaults", () => {
    const config = readConfig({ ...good, ORIGINS: " https://a.example, https://b.example ," }, specs);
    assert.equal(config.PORT, 8080);
    assert.deepEqual(config.ORIGINS, ["https://a.example", "https://b.example"]);
    assert.deepEqual(readConfig(good, specs).ORIGINS, []);
  });

  it("names every bad setting at once", () => {
    assert.throws(
      () => readConfig({ PORT: "70000", SECRET: good.SECRET }, specs),
      (error: Error) =>
        error instanceof ConfigError && /PORT: .*70000/.test(error.message) && /TARGET/.test(error.message),
    );
  });

  it("never shows the value of a secret", () => {
    assert.throws(
      () => readConfig({ ...good, SECRET: "hunter2" }, specs),
      (error: Error) => /SECRET/.test(error.message) && !/hunter2/.test(error.message),
    );
  });

  it("refuses a number with a fraction, and an empty one", () => {
    assert.throws(() => readConfig({ ...good, PORT: "1.5" }, specs), /whole number/);
    assert.throws(() => readConfig({ ...good, PORT: "" }, specs), /PORT/);
  });
});
