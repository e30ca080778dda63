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
};

/** Returns the secrets kept in `dir`, making them when there are none. Only the owner may read the file. */
export async function loadSecrets(dir: string): Promise<Secrets> {
  const file = join(dir, "secrets.json");
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text !== undefined) {
    await chmod(file, 0o600);
    return parseSecrets(text, file);
  }
  const made = { rolePassword: randomSecret(), sessionSecret: randomSecret() };
  await writeFile(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  return made;
}

function parseSecrets(text: string, file: string): Secrets {
  try {
    const { rolePassword, sessionSecret } = JSON.parse(text) as Record<string, unknown>;
    if (isSecret(rolePassword) && isSecret(sessionSecret)) return { rolePassword, sessionSecret };
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
