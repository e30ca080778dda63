// The shape of a case: one row of the matrix.

import type { ProcessName } from "#stack/topology";
import type { GatedWrite } from "./gate.ts";
import type { LinkName } from "./links.ts";
import type { Shape } from "./stack.ts";
import type { Story } from "./stories.ts";

/**
 * When a process is killed, seen from a write that the saga makes: its writer before the write commits, its writer once it has
 * committed and before it can know, whoever answers because of it when its answer has left and nobody has heard it, anybody
 * else while it is being made.
 */
export type Moment = "before-commit" | "after-commit" | "before-reply" | "meanwhile";

/** What goes wrong. Times are milliseconds. */
export type Fault =
  | {
      kind: "kill";
      victim: ProcessName;
      moment: Moment;
      write: GatedWrite;
      story: Story;
      replyOn?: LinkName;
      /** How many of each of the story's requests are sent at once. */
      repeats: number;
    }
  | { kind: "freeze"; victim: string; forMs: number }
  | { kind: "postgres"; how: "restarted" | "killed" | "backend-killed" | "exhausted"; forMs: number }
  | { kind: "redis"; how: "killed" | "flushed" | "stalled"; forMs: number }
  | { kind: "link"; link: LinkName; how: "delayed" | "reset" | "silent-up" | "silent-down"; forMs: number }
  | { kind: "clock"; victim: ProcessName; jumpMs: number; forMs: number }
  | { kind: "provider"; how: "token" | "outage"; forMs: number }
  /** The provider acts and leaves the call unanswered, once in a story. */
  | { kind: "unheard"; story: Story }
  /** The buyer says yes at the bank's page while a process is dead. */
  | { kind: "buyer-acts"; dead: ProcessName }
  | { kind: "webhooks"; how: "copied" | "late"; forMs: number }
  | { kind: "repeats"; forMs: number }
  | { kind: "restart-all"; victims: string[] };

/** A case. */
export type FaultCase = {
  /** Unique, of words with slashes between them. */
  name: string;
  fault: Fault;
  /** Of each process one copy, or two. */
  shape: Shape;
  /** What buyers pay with, how many of each request they send, and whether they come before the fault or after it. */
  traffic: { token: string; repeats: number; from: "before" | "after" };
  expects: {
    /** Milliseconds from the return of what was gone until a booking must be confirmed. */
    recoveryMsMax: number;
    /** True where bookings have to go on being confirmed while the fault lasts. */
    goesOn: boolean;
  };
};

/** What most cases share. */
export const usual: Pick<FaultCase, "shape" | "traffic" | "expects"> = {
  shape: "single",
  traffic: { token: "tok_approve", repeats: 1, from: "before" },
  expects: { recoveryMsMax: 5_000, goesOn: false },
};
