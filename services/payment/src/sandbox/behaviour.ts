// The test tokens: how the sandbox treats a payment depends on the token that it was authorised with.

/** What the sandbox can be asked to do. */
export type Operation = "authorize" | "capture" | "void" | "refund";

/** How a call goes wrong on its way, whatever its outcome. */
export type Fault =
  | "none"
  /** 503, nothing done. */
  | "down"
  /** The connection is reset, nothing done. */
  | "reset"
  /** Done, answered seconds later. */
  | "slow"
  /** Done, never answered. */
  | "silence"
  /** Done, answered with something that is not JSON. */
  | "garbled"
  /** Done, answered twice on the same connection. */
  | "twice";

/** A token's behaviour. */
export type Behaviour = {
  /** The code with which an operation is declined. */
  declines?: Partial<Record<Operation, string>>;
  /** The same, but only the first time that it is asked for. */
  declinesFirst?: Partial<Record<Operation, string>>;
  /** The first refund fails as soon as it is done. */
  failsFirstRefund?: true;
  /** The customer's bank takes the money back as soon as it is captured. */
  isDisputed?: true;
  /** The answer to the capture does not tell the fee; asking later does. */
  tellsFeeLater?: true;
  /** The customer has to act before it is authorised. */
  needsAction?: true;
  /** A webhook tells of the authorisation, too. */
  notifies?: true;
  /** Returns the fault of the `call`-th call (from 1) of an operation on one payment. */
  fault?: (operation: Operation, call: number) => Fault;
};

const behaviours = new Map<string, Behaviour>([
  ["tok_approve", {}],
  ["tok_decline", { declines: { authorize: "card_declined" } }],
  ["tok_insufficient_funds", { declines: { authorize: "insufficient_funds" } }],
  ["tok_capture_declined", { declines: { capture: "authorization_expired" } }],
  ["tok_3ds", { needsAction: true }],
  // The webhook overtakes the answer that it tells of.
  ["tok_webhook_first", { notifies: true, fault: (operation) => (operation === "authorize" ? "slow" : "none") }],
  ["tok_3ds_webhook_first", { needsAction: true, notifies: true, fault: first("slow", "authorize") }],
  ["tok_chargeback", { isDisputed: true }],
  ["tok_fee_later", { tellsFeeLater: true }],
  ["tok_refund_refused_once", { declinesFirst: { refund: "refund_failed" } }],
  ["tok_refund_refused", { declines: { refund: "refund_failed" } }],
  ["tok_refund_fails_after", { failsFirstRefund: true }],
  ["tok_void_refused", { declines: { void: "void_failed" } }],
  ["tok_slow", { fault: () => "slow" }],
  // Voids work, so that what depends on the payment can still be undone; /v1/outage takes everything down.
  ["tok_down", { fault: (operation) => (operation === "void" ? "none" : "down") }],
  ["tok_down_once", { fault: first("down") }],
  ["tok_reset", { fault: first("reset") }],
  ["tok_garbled", { fault: first("garbled") }],
  ["tok_timeout_after_authorize", { fault: first("silence", "authorize") }],
  ["tok_timeout_after_capture", { fault: first("silence", "capture") }],
  ["tok_timeout_after_refund", { fault: first("silence", "refund") }],
  ["tok_answers_twice", { fault: () => "twice" }],
]);

/** Returns a token's behaviour, or undefined for a token that the sandbox does not know. */
export function behaviourOf(token: string): Behaviour | undefined {
  return behaviours.get(token);
}

function first(fault: Fault, only?: Operation): (operation: Operation, call: number) => Fault {
  return (operation, call) => (call === 1 && (only ?? operation) === operation ? fault : "none");
}
