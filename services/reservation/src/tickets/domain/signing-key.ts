// The keys of codes. A private key is derived from a secret and never stored: every replica that knows the secret signs with
// the same key, and the database holds public keys only.

import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from "node:crypto";

/** A public key, as it is kept and published. */
export type PublicKey = {
  /** The first four bytes of the key's SHA-256: 8 hexadecimal digits. */
  keyId: string;
  /** The key's 32 bytes (RFC 8032), hexadecimal. */
  publicKey: string;
};

/** A key that signs. */
export type SigningKey = PublicKey & { privateKey: KeyObject };

/** What checks the codes of a key. */
export type VerifyingKey = {
  publicKey: KeyObject;
  /** From when on its codes are refused; null where no such time is set. */
  retiredAt: Date | null;
  /** That time has come. */
  isRetired: boolean;
};

const keyBytes = 32;
// What stands before the bytes of an Ed25519 key in DER. Source: RFC 8410, sections 4 and 7.
const pkcs8Head = Buffer.from("302e020100300506032b657004220420", "hex");
const spkiHead = Buffer.from("302a300506032b6570032100", "hex");

/** Returns the key of a secret; another secret gives another key. */
export function deriveSigningKey(secret: string): SigningKey {
  const seed = Buffer.from(hkdfSync("sha256", secret, "", "boxoffice ticket signing key, version 1", keyBytes));
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: "der", type: "pkcs8" });
  const raw = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-keyBytes);
  const keyId = createHash("sha256").update(raw).digest("hex").slice(0, 8);
  return { keyId, publicKey: raw.toString("hex"), privateKey };
}

/** Returns what checks signatures; throws for what is no key of 32 bytes in hexadecimal. */
export function verifyingKeyFrom(publicKey: string): KeyObject {
  const raw = Buffer.from(publicKey, "hex");
  if (raw.length !== keyBytes) throw new Error(`an Ed25519 public key has ${keyBytes} bytes, not ${raw.length}`);
  return createPublicKey({ key: Buffer.concat([spkiHead, raw]), format: "der", type: "spki" });
}
