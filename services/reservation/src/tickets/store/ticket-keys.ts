import type { Sql } from "#shared/sql";
import type { PublicKey } from "../domain/signing-key.ts";

/** A public key and its times. */
export type TicketKeyRow = PublicKey & {
  /** When it was first used. */
  createdAt: Date;
  /** From when on it is refused; null where no such time is set. */
  retiredAt: Date | null;
  /** That time has come, by the database's clock. */
  isRetired: boolean;
};

/** Publishes a key unless it is known. Must be durable before anything is signed with the key. */
export async function publishKey(sql: Sql, { keyId, publicKey }: PublicKey): Promise<void> {
  await sql`
    insert into reservation.ticket_key (key_id, public_key)
    values (${keyId}, ${publicKey})
    on conflict do nothing`;
}

/** Returns all keys, retired ones too, newest first. */
export async function readKeys(sql: Sql): Promise<TicketKeyRow[]> {
  return await sql<TicketKeyRow[]>`
    select key_id as "keyId", public_key as "publicKey", created_at as "createdAt", retired_at as "retiredAt",
      coalesce(retired_at <= clock_timestamp(), false) as "isRetired"
    from reservation.ticket_key
    order by created_at desc, key_id`;
}

/** Returns whether a published key may sign: no time is set for its end. */
export async function maySign(sql: Sql, keyId: string): Promise<boolean> {
  const [row] = await sql`
    select from reservation.ticket_key
    where key_id = ${keyId} and retired_at is null`;
  return row !== undefined;
}
