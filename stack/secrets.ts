// Secrets of one stack, made on its first start and kept, so that the database's roles and open sessions outlive a restart.

import { randomBytes } from "node:crypto";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StackError } from "./stack-error.ts";

/** The secrets. */
export type Secrets = {
  /** Password of the services' database roles. */
  rolePassword: string;
  /** Key that signs session tokens. */
  sessionSecret: string;
  /** What the key that signs tickets is derived from. */
  ticketSecret: string;
};

/** Returns the secrets kept in `dir`, making them when there are none. Only the owner may read the file. */
export async function loadSecrets(dir: string): Promise<Secrets> {
  const file = join(dir, "secrets.json");
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  const made = { rolePassword: randomSecret(), sessionSecret: randomSecret(), ticketSecret: randomSecret() };
  if (text !== undefined) await chmod(file, 0o600);
  // A file from before there were tickets lacks their secret.
  const secrets = { ...made, ...(text === undefined ? {} : parseSecrets(text, file)) };
  const lines = `${JSON.stringify(secrets, null, 2)}\n`;
  if (lines !== text) await writeFile(file, lines, { mode: 0o600 });
  return secrets;
}

function parseSecrets(text: string, file: string): Omit<Secrets, "ticketSecret"> & Partial<Secrets> {
  try {
    const { rolePassword, sessionSecret, ticketSecret } = JSON.parse(text) as Record<string, unknown>;
    if (isSecret(rolePassword) && isSecret(sessionSecret) && (ticketSecret === undefined || isSecret(ticketSecret))) {
      return { rolePassword, sessionSecret, ...(ticketSecret === undefined ? {} : { ticketSecret }) };
    }
  } catch {
    // Explained below.
  }
  throw new StackError(`${file} is damaged: remove it, and the next start makes new secrets`);
}

function isSecret(value: unknown): value is string {
  return typeof value === "string" && value.length >= 8;
}

function randomSecret(): string {
  return randomBytes(32).toString("base64url");
}
