// The public API as a buyer's client uses it: Connect calls with JSON bodies, what an answer means, and asking again as told.

import { sleep } from "k6";
import { randomBytes } from "k6/crypto";
import http from "k6/http";

/** Where the gateway is. */
export const baseUrl = (__ENV.BASE_URL || "http://127.0.0.1:8080").replace(/\/+$/, "");

/** A buyer's patience: most tries of one call, and seconds after which no further try begins. */
const triesMax = numberSetting("TRIES", 6);
const patienceS = numberSetting("PATIENCE", 30);

// A little more than the longest deadline that the gateway gives a call, so that the answer is its own.
const httpTimeout = "35s";

const statusOfCode = {
  invalid_argument: 400,
  failed_precondition: 400,
  out_of_range: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  aborted: 409,
  resource_exhausted: 429,
  canceled: 499,
};

/**
 * Calls a method once, e.g. `EventService/ListEvents`. Returns `{ kind, ms }` and, by kind,
 *
 * - `ok`: `message`, the answer;
 * - `refused`: `code` and `reason` (of ErrorInfo, where there is one), `retryAfterS` where the gateway says when to come back;
 * - `unavailable`: no answer, or a 5xx: the outcome is not known. `why` in words;
 * - `wrong`: an answer that the contract (docs/api.md) does not allow. `why` in words.
 */
export function call(method, message, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = http.post(`${baseUrl}/boxoffice.edge.v1.${method}`, JSON.stringify(message), {
    headers,
    timeout: httpTimeout,
    tags: { name: method },
  });
  return { ...answerOf(response), ms: response.timings.duration };
}

/**
 * Calls a method as a well-behaved client does, with the same message until there is a final answer: after a RetryInfo not
 * before the time it names, after an unknown outcome with growing pauses. `onAnswer` sees every answer. Returns the last one,
 * which is not final where the buyer's patience ended first.
 */
export function callUntilFinal(method, message, { token, onAnswer }) {
  const startedAt = Date.now();
  for (let tries = 1; ; tries += 1) {
    const answer = call(method, message, token);
    onAnswer(answer);
    if (isFinal(answer)) return answer;
    const pauseS = pauseAfter(answer, tries);
    if (tries >= triesMax || Date.now() - startedAt + pauseS * 1000 > patienceS * 1000) return answer;
    sleep(pauseS);
  }
}

/** Tells whether asking again could change anything. */
export function isFinal({ kind, retryAfterS }) {
  return kind !== "unavailable" && retryAfterS === undefined;
}

/** Returns a UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, the rest random, but for version and variant. */
export function newId() {
  const bytes = new Uint8Array(randomBytes(16));
  let millis = Date.now();
  for (let index = 5; index >= 0; index -= 1) {
    bytes[index] = millis % 256;
    millis = Math.floor(millis / 256);
  }
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Returns a setting that is a number of zero or more; throws where it is not. */
export function numberSetting(name, byDefault) {
  const value = __ENV[name] === undefined || __ENV[name] === "" ? byDefault : Number(__ENV[name]);
  if (!(value >= 0)) throw new Error(`${name} must be a number of zero or more, not "${__ENV[name]}"`);
  return value;
}

function answerOf({ status, body, headers, error }) {
  if (status === 0) return { kind: "unavailable", why: error || "no answer" };
  if (status >= 500) return { kind: "unavailable", why: `HTTP ${status}` };
  const message = parseObject(body);
  if (!message) return { kind: "wrong", why: `HTTP ${status} without a JSON object` };
  if (status === 200) return { kind: "ok", message };
  if (statusOfCode[message.code] !== status) {
    return { kind: "wrong", why: `HTTP ${status} with the code ${JSON.stringify(message.code)}` };
  }
  const reason = detailOf(message, "google.rpc.ErrorInfo").reason;
  const retryAfterS = retryAfterOf(message, headers);
  const mustSayWhen = status === 429 || message.code === "aborted";
  if (mustSayWhen && retryAfterS === undefined) return { kind: "wrong", why: `${message.code} without RetryInfo` };
  return { kind: "refused", code: message.code, reason, ...(retryAfterS === undefined ? {} : { retryAfterS }) };
}

function parseObject(body) {
  try {
    const value = JSON.parse(body);
    return value !== null && typeof value === "object" ? value : undefined;
  } catch {
    return undefined;
  }
}

// Connect's JSON carries each detail in binary, and beside it in JSON for clients without the schema.
// Source: https://connectrpc.com/docs/protocol#error-end-stream
function detailOf({ details = [] }, type) {
  return details.find((detail) => detail.type === type)?.debug ?? {};
}

function retryAfterOf(message, headers) {
  const { retryDelay } = detailOf(message, "google.rpc.RetryInfo");
  const seconds = Number.parseFloat(retryDelay ?? headers["Retry-After"]);
  return Number.isNaN(seconds) ? undefined : seconds;
}

// Half a second more at random, or all who were sent away together come back together.
function pauseAfter({ retryAfterS }, tries) {
  if (retryAfterS !== undefined) return retryAfterS + Math.random() / 2;
  return Math.min(5, 0.2 * 2 ** tries) * (0.5 + Math.random() / 2);
}
