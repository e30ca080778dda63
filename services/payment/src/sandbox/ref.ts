// The sandbox's names for what it did. They carry what they stand for: `cap.tok_approve.4200.EUR.<reference>`.

import type { Operation } from "./behaviour.ts";

/** What a ref stands for; `action` is an authorisation that waits for the customer. */
export type Ref = { kind: Operation | "action"; token: string; amount: number; currency: string; reference: string };

const prefixes = { authorize: "auth", action: "act", capture: "cap", void: "void", refund: "ref" } as const;
const pattern = /^(auth|cap|act)\.(\w+)\.(\d{1,16})\.([A-Z]{3})\.([A-Za-z0-9-]{1,64})$/;

const kinds = new Map<string, Ref["kind"]>([
  ["auth", "authorize"],
  ["cap", "capture"],
  ["act", "action"],
]);

/** Returns the ref of an operation on an authorisation. */
export function createRef(kind: Ref["kind"], of: Omit<Ref, "kind">): string {
  return [prefixes[kind], of.token, of.amount, of.currency, of.reference].join(".");
}

/** Returns what a ref of an authorisation, done or waiting for the customer, or of a capture stands for, or undefined when it is none. */
export function parseRef(text: string): Ref | undefined {
  const [, prefix, token, amount, currency, reference] = pattern.exec(text) ?? [];
  if (!prefix) return undefined;
  const kind = kinds.get(prefix)!;
  return { kind, token: token!, amount: Number(amount), currency: currency!, reference: reference! };
}
