// Gates in the database: a transaction that brings a row of one event to a named state stops just before it commits, so that
// the harness can kill a process there and decide what becomes of the transaction. A deferred constraint trigger is the last
// thing that runs in a transaction: when it waits, the client has sent all it had to send, COMMIT too.

import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "#shared/sql";

/** What a transaction writes that a gate stops. */
export type GatedWrite = {
  table: GatedTable;
  /** What `stateColumns` says of its table, as text; of a reservation that waits for its buyer with ` action` behind it. */
  state: string;
  /** The same before the write; whatever it was where not given, and nothing at all for a new row. */
  from?: string;
};

/** A transaction that stands before a gate. */
export type Halted = {
  /** Its backend's process id. */
  pid: number;
  /** Its id. */
  xid: string;
};

/** A closed gate. */
export type Gate = {
  /** Waits until a transaction stands before it, and returns that. Throws after 20 s. */
  reached(): Promise<Halted>;
  /** Lets the transaction, and whatever comes later, pass. Returns once it is committed. */
  open(halted: Halted): Promise<void>;
  /** Ends the transaction's backend, and lets whatever comes later pass. Returns once it is rolled back. */
  turnBack(halted: Halted): Promise<void>;
};

const lockId = 4_711;
const reachTimeoutMs = 20_000;
const endTimeoutMs = 10_000;
const stateColumns = {
  "reservation.reservation": "phase",
  "reservation.ticket": "epoch",
  "reservation.admission": "offline",
  "payment.payment": "state",
  // A webhook belongs to no event: the next one that is remembered stops.
  "payment.webhook": "provider",
  "inventory.hold": "state",
  "inventory.hold_return": "blocked",
} as const;
export type GatedTable = keyof typeof stateColumns;

/** Puts open gates into the tables. */
export async function installGates(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create schema fault;
    create table fault.gate (
      table_id regclass not null, state text not null, state_from text, event_id uuid not null);
    create function fault.state_of(written jsonb, state_column text) returns text language sql immutable as $$
      select (written ->> state_column) || case when written ->> 'next_action_url' is null then '' else ' action' end
    $$;
    create function fault.wait_at_gate() returns trigger language plpgsql
      security definer set search_path = pg_catalog set lock_timeout = 0 as $$
    declare
      state_before text := case when tg_op = 'UPDATE' then fault.state_of(to_jsonb(old), tg_argv[0]) end;
      state_after text := fault.state_of(to_jsonb(new), tg_argv[0]);
    begin
      if state_before is distinct from state_after and exists (
        select from fault.gate g
        where g.table_id = tg_relid and g.state = state_after
          and (g.state_from is null or g.state_from = state_before)
          and coalesce(to_jsonb(new) ->> 'event_id' = g.event_id::text, true)
      ) then
        perform pg_advisory_xact_lock(${lockId});
      end if;
      return null;
    end $$;`);
  for (const [table, column] of Object.entries(stateColumns)) {
    await sql.unsafe(`
      create constraint trigger fault_gate after insert or update on ${table} deferrable initially deferred
      for each row execute function fault.wait_at_gate('${column}')`);
  }
}

/** Closes the gate for one kind of write in one event. */
export async function closeGate(sql: Sql, { table, state, from }: GatedWrite, eventId: string): Promise<Gate> {
  const holder = await sql.reserve();
  await holder`select pg_advisory_lock(${lockId})`;
  await sql`
    insert into fault.gate (table_id, state, state_from, event_id)
    values (${table}::regclass, ${state}, ${from ?? null}, ${eventId})`;

  async function release(): Promise<void> {
    await sql`delete from fault.gate`;
    await holder`select pg_advisory_unlock(${lockId})`;
    holder.release();
  }

  async function untilEnded({ xid }: Halted, expected: "committed" | "aborted"): Promise<void> {
    await until(`the transaction is ${expected}`, endTimeoutMs, async () => {
      const [row] = await sql<{ status: string }[]>`select pg_xact_status(${xid}::xid8) as status`;
      return row?.status === expected ? row : undefined;
    });
  }

  return {
    reached: () =>
      until(`a transaction writes ${state} into ${table}`, reachTimeoutMs, async () => {
        const [row] = await sql<Halted[]>`
          select a.pid, a.backend_xid::text as xid
          from pg_locks l join pg_stat_activity a using (pid)
          where l.locktype = 'advisory' and l.objid = ${lockId} and not l.granted`;
        return row;
      }),
    async open(halted) {
      await release();
      await untilEnded(halted, "committed");
    },
    async turnBack(halted) {
      await sql`select pg_terminate_backend(${halted.pid})`;
      await untilEnded(halted, "aborted");
      await release();
    },
  };
}

async function until<T>(what: string, timeoutMs: number, look: () => Promise<T | undefined>): Promise<T> {
  const giveUpAtMs = Date.now() + timeoutMs;
  while (Date.now() < giveUpAtMs) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(10);
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}`);
}
