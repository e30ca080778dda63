// What a caller is told of a broken rule, where protovalidate's own words are no help: a regular expression, or that one of
// some unnamed fields is missing, or that there must be at least 1 of what it calls by its plural.

import type { Violation } from "@bufbuild/protovalidate";
import { countText } from "./story.ts";

// The protos' patterns. A test finds one that is missing here.
const wordsOfPattern: Record<string, string> = {
  "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$":
    "must be a UUIDv7 in lower case, like 0199c0de-0000-7000-8000-000000000001",
  "^[a-z0-9][a-z0-9-]{0,31}$": "must be 1 to 32 lower-case letters, digits and hyphens, the first not a hyphen",
  "^([a-z0-9][a-z0-9-]{0,31})?$":
    "must be empty, or up to 32 lower-case letters, digits and hyphens, the first not a hyphen",
  "^[a-z0-9-]{1,32}$": "must be 1 to 32 lower-case letters, digits and hyphens",
  "^[A-Za-z0-9 ._-]{1,16}$": "must be 1 to 16 letters, digits, spaces, dots, underscores and hyphens",
  "^[A-Za-z0-9._:-]{1,64}$": "must be 1 to 64 letters, digits, dots, underscores, colons and hyphens",
  "^[A-Za-z0-9._:-]{1,100}$": "must be 1 to 100 letters, digits, dots, underscores, colons and hyphens",
  "^[A-Za-z0-9_-]{1,200}$": "must be a payment provider's token: 1 to 200 letters, digits, underscores and hyphens",
  "^[A-Za-z0-9_-]{0,200}$":
    "must be the token that the payment provider's client library gave: up to 200 letters, digits, underscores and hyphens. " +
    "Never a card number, and empty only for a free booking",
  "^(guest:[0-9a-f-]{36}|oidc:[A-Za-z0-9_-]{43})$":
    "must be a customer's id as their session shows it (customer_id): guest:… or oidc:…",
  "^[\\x21-\\x7e]{1,200}$": "must be 1 to 200 ASCII characters without spaces",
  "^[^\\x00-\\x1f\\x7f]*$": "must have no line breaks or other control characters",
  "^[A-Z]{3}$": "must be a currency's code by ISO 4217, in upper case, like EUR",
  "^([0-9a-f]{64})?$": "must be empty or a SHA-256 in lower-case hexadecimal digits",
};

/** Returns in words what is wrong. Says nothing of the value. */
export function violationWords({ field, message }: Pick<Violation, "field" | "message">): string {
  const last = field.at(-1);
  if (last?.kind === "oneof") return `exactly one is required of ${last.fields.map(({ name }) => name).join(", ")}`;
  const pattern = /^does not match regex pattern `(.*)`$/s.exec(message)?.[1];
  return (pattern !== undefined && wordsOfPattern[pattern]) || inSingular(message);
}

// Its plurals are `characters`, `bytes` and `item(s)`.
function inSingular(message: string): string {
  return message.replace(/ 1 (character|byte)s$/, " 1 $1").replace(/ (\d+) item\(s\)$/, itemsText);
}

function itemsText(_: string, count: string): string {
  return ` ${countText(Number(count), "item")}`;
}
