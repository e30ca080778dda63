import type { Sql } from "#shared/sql";
import type { PublicKey } from "../domain/signing-key.ts";

/** A public key, when it was first used, and from when on it is refused: null where no such time is set. */
export type TicketKeyRow = PublicKey & { createdAt: Date; retiredAt: Date | null };

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
    select key_id as "keyId", public_key as "publicKey", created_at as "createdAt", retired_at as "retiredAt"
    from reservation.ticket_key
    where retired_at is null or retired_at > clock_timestamp()
    order by created_at desc, key_id`;
}

/** Returns whether a published key may sign: no time is set for its end. */
export async function maySign(sql: Sql, keyId: string): Promise<boolean> {
  const [row] = await sql`
    select from reservation.ticket_key
    where key_id = ${keyId} and retired_at is null`;
  return row !== undefined;
}
