// Secrets are compared in constant time. A comparison that stops at the first difference tells, by its time, how much of a
// guess is right, and no test that measures could see it reliably: so this reads the source. It goes by names, and house
// style has them say what they hold.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSessionTokens } from "../../gateway/src/session/session-token.ts";

/** Words that say of a name that it holds a secret, or what proves that somebody knows one. */
const secretWords = ["mac", "hmac", "signature", "secret", "password", "passphrase", "apikey"];

/** Comparisons that may be as fast as they like, with the reason. */
const explained = new Map([
  ["gateway/src/config.ts: input === developmentSecret", "an operator's setting, and a secret that everybody knows"],
]);

describe("secrets in the source", () => {
  it("are compared by nothing but timingSafeEqual", async () => {
    const files = await sources();
    assert.ok(files.length > 100);
    const found: string[] = [];
    for (const file of files) {
      for (const comparison of hastyComparisons(await readFile(file, "utf8"))) found.push(`${file}: ${comparison}`);
    }
    assert.deepEqual(found.sort(), [...explained.keys()].sort());
  });

  it("are compared by timingSafeEqual where sessions are checked", async () => {
    const source = await readFile("gateway/src/session/session-token.ts", "utf8");
    assert.match(source, /timingSafeEqual\(/);
    const tokens = createSessionTokens("a secret of this test, 32 letters or more");
    const token = tokens.sign({ subject: "guest:1", roles: [], expiresAtMs: 10_000 });
    assert.ok(tokens.verify(token, 0));
    assert.equal(tokens.verify(`${token.slice(0, -1)}`, 0), undefined, "another length is refused, not thrown");
  });
});

describe("the reading of the source", () => {
  const hasty = [
    "if (mac === expectedMac) return;",
    "if (expected !== webhook.signature) throw no();",
    "return payload.signature == given",
    "if (config.WEBHOOK_SECRET === given) ok();",
    "if (Buffer.compare(signature, given) === 0) ok();",
    "return macOf(text) === given;",
    "return signature.equals(given);",
    "return known.includes(password);",
    "switch (signature) { case expected: }",
  ];
  for (const line of hasty) it(`finds ${line}`, () => assert.equal(hastyComparisons(line).length, 1));

  const harmless = [
    "if (secret === undefined) return;",
    'if (password !== "") use(password);',
    'if (typeof signature !== "string") return;',
    "if (signature.length !== macLength) return;",
    "if (timingSafeEqual(mac, expectedMac)) ok();",
    "const isMachine = machine === other;",
    "// mac === expected would tell",
    "return token[dot] !== separator;",
  ];
  for (const line of harmless) it(`passes over ${line}`, () => assert.deepEqual(hastyComparisons(line), []));
});

// What runs in production.
async function sources(): Promise<string[]> {
  const folders = await Promise.all(
    ["gateway", "services", "proto"].map(async (folder) =>
      (await readdir(folder, { recursive: true })).map((file) => join(folder, file)),
    ),
  );
  return folders
    .flat()
    .filter((file) => /\/src\/.*\.ts$/.test(file) && !/\.spec\.ts$|\/src\/(gen|testing)\//.test(file));
}

// Returns the comparisons of a secret with anything that is not plainly harmless.
function hastyComparisons(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:])\/\/.*$/gm, "$1");
  const operand = String.raw`(?:typeof\s+)?[\w$.?!]+(?:\([\w$.,\s]*\)|\[[\w$.]+\])?!?`;
  const found: string[] = [];
  for (const [text, left, right] of code.matchAll(new RegExp(`(${operand})\\s*[=!]==?\\s*("[^"]*"|${operand})`, "g"))) {
    if (isHarmless(left!) || isHarmless(right!)) continue;
    if (isSecret(left!) || isSecret(right!)) found.push(text);
  }
  for (const [text, object, args] of code.matchAll(
    /([\w$.]+)\.(?:equals|includes|localeCompare|indexOf)\(([\w$.]+)\)/g,
  )) {
    if (isSecret(object!) || isSecret(args!)) found.push(text);
  }
  for (const [text, args] of code.matchAll(/Buffer\.compare\(([^)]*)\)/g)) {
    if (args!.split(",").some(isSecret)) found.push(text);
  }
  for (const [text, subject] of code.matchAll(/switch \(([\w$.]+)\)/g)) if (isSecret(subject!)) found.push(text);
  return found;
}

function isHarmless(operand: string): boolean {
  return /^("|typeof\b|undefined$|null$|true$|false$|\d)/.test(operand) || operand.endsWith(".length");
}

// Of a.b.expectedMac(text) the words of the last name: expected, mac. WEBHOOK_SECRET has the words webhook and secret.
function isSecret(operand: string): boolean {
  const name =
    operand
      .replace(/[([].*$/s, "")
      .replace(/[!?]/g, "")
      .trim()
      .split(".")
      .at(-1) ?? "";
  const words = name.split(/_|(?<=[a-z0-9])(?=[A-Z])/).map((word) => word.toLowerCase());
  return words.some((word) => secretWords.includes(word)) || words.join("").includes("apikey");
}
