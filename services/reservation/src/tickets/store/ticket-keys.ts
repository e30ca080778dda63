import type { Sql } from "#shared/sql";
import type { PublicKey } from "../domain/signing-key.ts";

/** A public key and when it was first used. */
export type TicketKeyRow = PublicKey & { createdAt: Date };

/** Publishes a key unless it is known. Must be durable before anything is signed with the key. */
export async function publishKey(sql: Sql, { keyId, publicKey }: PublicKey): Promise<void> {
  await sql`
    insert into reservation.ticket_key (key_id, public_key)
    values (${keyId}, ${publicKey})
    on conflict do nothing`;
}

/** Returns the keys whose codes may still open a door, newest first. */
export async function readKeys(sql: Sql): Promise<TicketKeyRow[]> {
  return await sql<TicketKeyRow[]>`
    select key_id as "keyId", public_key as "publicKey", created_at as "createdAt"
    from reservation.ticket_key
    where retired_at is null
    order by created_at desc, key_id`;
}
