// `make reset`: removes what the stack keeps, so that the next `make up` starts as on the first day.

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { lockHolder } from "./lock.ts";
import { readUpSettings } from "./settings.ts";
import { StackError } from "./stack-error.ts";

// Nothing else: databases of tests and measurements that run now lie in the same folder, and reports that somebody waited for.
const kept = ["postgres", "postgres.password", "logs", "secrets.json", "up.sock"];

try {
  const { dataDir } = readUpSettings(process.env);
  const holderPid = await lockHolder(dataDir);
  if (holderPid !== undefined) {
    throw new StackError(
      `the stack is running (process ${holderPid}): stop it with Ctrl-C there or \`kill ${holderPid}\` first`,
    );
  }
  const entries = kept.filter((name) => existsSync(join(dataDir, name)));
  for (const entry of entries) await rm(join(dataDir, entry), { recursive: true, force: true });
  console.log(entries.length > 0 ? `removed ${entries.join(", ")} from ${dataDir}` : `nothing to remove in ${dataDir}`);
} catch (error) {
  console.error(error instanceof StackError ? `make reset: ${error.message}` : error);
  process.exitCode = 1;
}
