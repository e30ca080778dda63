// The first steps of a buyer, of an organiser and of a gate's staff, as lines to paste into a shell. They need curl and what
// POSIX gives, nothing else.

import { demoEventName } from "./demo-event.ts";

/**
 * Returns four lines: a session, the list of events, a reservation, a checkout with `paymentToken`. Each prints its answer
 * and keeps what the next one needs in a shell variable.
 */
export function firstBookingLines(gatewayUrl: string, paymentToken: string): string[] {
  const call = callAt(gatewayUrl);
  const authorization = "Authorization: Bearer $TOKEN";
  const booking = '\\"eventId\\":\\"$EVENT\\",\\"reservationId\\":\\"$ID\\"';

  return [
    `S=$(${call("SessionService/CreateGuestSession", "'{}'")}); echo "$S"; TOKEN=$(echo "$S" | ${field("sessionToken")})`,
    `E=$(${call("EventService/ListEvents", `'{"filter":"${demoEventName}"}'`)}); echo "$E"; EVENT=$(echo "$E" | ${field("eventId")})`,
    `ID=$(${uuidv7Command}); ` +
      `${call("ReservationService/CreateReservation", `"{${booking},\\"areaId\\":\\"stalls\\",\\"bestAvailable\\":{\\"quantity\\":2}}"`, authorization)}; echo`,
    `${call("ReservationService/Checkout", `"{${booking},\\"paymentMethodToken\\":\\"${paymentToken}\\",\\"idempotencyKey\\":\\"first\\"}"`, authorization)}; echo`,
  ];
}

/**
 * Returns two lines: an organiser's session, by way of the development issuer at `issuerUrl`, and the question whether the
 * system keeps its promises.
 */
export function organiserLines(gatewayUrl: string, issuerUrl: string): string[] {
  const call = callAt(gatewayUrl);
  return [
    sessionLine("ORGANISER", "organiser", { gatewayUrl, issuerUrl }),
    `${call("OperationsService/CheckInvariants", "'{}'", "Authorization: Bearer $ORGANISER")}; echo`,
  ];
}

/** Returns the line that opens a session of a gate's staff, by way of the development issuer at `issuerUrl`. */
export function gateLine(gatewayUrl: string, issuerUrl: string): string {
  return sessionLine("GATE", "gate", { gatewayUrl, issuerUrl });
}

function sessionLine(
  variable: string,
  role: "organiser" | "gate",
  { gatewayUrl, issuerUrl }: { gatewayUrl: string; issuerUrl: string },
): string {
  const idToken = `curl -sS -d '{"sub":"me","roles":["${role}"]}' ${issuerUrl}/token | ${field("id_token")}`;
  const exchange = callAt(gatewayUrl)("SessionService/ExchangeIdToken", `"{\\"idToken\\":\\"$(${idToken})\\"}"`);
  return `${variable}=$(${exchange} | ${field("sessionToken")}); echo "$${variable}"`;
}

function callAt(gatewayUrl: string) {
  return (method: string, body: string, ...headers: string[]) =>
    [
      "curl -sS",
      ...["Content-Type: application/json", ...headers].map((header) => `-H "${header}"`),
      `-d ${body}`,
      `${gatewayUrl}/boxoffice.edge.v1.${method}`,
    ].join(" ");
}

function field(name: string): string {
  return `sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/'`;
}

// RFC 9562, section 5.7: 48 bits of milliseconds, then random bits with the version and the variant set over them.
const uuidv7Command =
  `{ printf %012x "$(date +%s)000"; od -An -N10 -tx1 /dev/urandom | tr -d ' \\n'; } | ` +
  `sed -E 's/(.{8})(.{4}).(.{3}).(.{3})(.{12})/\\1-\\2-7\\3-8\\4-\\5/'`;
