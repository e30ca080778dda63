// `make reset`: removes what the stack keeps, so that the next `make up` starts as on the first day.

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { lockHolder } from "./lock.ts";
import { readUpSettings } from "./settings.ts";
import { StackError } from "./stack-error.ts";

try {
  const { dataDir } = readUpSettings(process.env);
  const holderPid = await lockHolder(dataDir);
  if (holderPid !== undefined) {
    throw new StackError(
      `the stack is running (process ${holderPid}): stop it with Ctrl-C there or \`kill ${holderPid}\` first`,
    );
  }
  // Databases of test runs lie beside the stack's; a running test keeps its own.
  const entries = (await readdir(dataDir).catch(() => [])).filter((name) => !name.startsWith("test-"));
  for (const entry of entries) await rm(join(dataDir, entry), { recursive: true, force: true });
  console.log(entries.length > 0 ? `removed ${entries.join(", ")} from ${dataDir}` : `nothing to remove in ${dataDir}`);
} catch (error) {
  console.error(error instanceof StackError ? `make reset: ${error.message}` : error);
  process.exitCode = 1;
}
