// The keys of codes as this process uses them: one that signs, and all that verify.

import type { Sql } from "#shared/sql";
import { signTicket, type TicketPayload } from "./domain/payload.ts";
import { deriveSigningKey, verifyingKeyFrom, type VerifyingKey } from "./domain/signing-key.ts";
import { maySign, publishKey, readKeys, type TicketKeyRow } from "./store/ticket-keys.ts";

/** Signs and verifies. */
export type Keyring = {
  /** Returns the signed code; the key's public half is durable before. Undefined once this process's key was retired. */
  sign(payload: Omit<TicketPayload, "keyId">): Promise<string | undefined>;
  /** Returns the keys that may still open a door, this process's own among them unless it was retired; newest first. */
  publicKeys(): Promise<TicketKeyRow[]>;
  /** Returns what verifies the codes of a key, retired or not; undefined for the id of one that is unknown. */
  verifiers(): Promise<(keyId: string) => VerifyingKey | undefined>;
};

/**
 * Returns the keyring of `secret`. Keys are read whenever they are needed: one that is retired is refused, and signs no more,
 * at once.
 */
export function createKeyring({ sql, secret }: { sql: Sql; secret: string }): Keyring {
  const key = deriveSigningKey(secret);
  let published: Promise<void> | undefined;

  // Not at the start of the process, which may be older than the database's tables. A failed try is tried again.
  async function publishOnce(): Promise<void> {
    published ??= publishKey(sql, key);
    await published.catch((error: unknown) => {
      published = undefined;
      throw error;
    });
  }

  return {
    async sign(payload) {
      await publishOnce();
      if (!(await maySign(sql, key.keyId))) return undefined;
      return signTicket({ ...payload, keyId: key.keyId }, key.privateKey);
    },
    async publicKeys() {
      await publishOnce();
      return (await readKeys(sql)).filter(({ isRetired }) => !isRetired);
    },
    async verifiers() {
      const keys = new Map((await readKeys(sql)).map((key) => [key.keyId, key]));
      return (keyId) => {
        const key = keys.get(keyId);
        return key && { ...key, publicKey: verifyingKeyFrom(key.publicKey) };
      };
    },
  };
}
