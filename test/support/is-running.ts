import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** Returns whether a process still runs. */
export function isRunning(pid: number): boolean {
  assert.ok(pid > 0, "not a process id");
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !isZombie(pid);
}

// In a container whose first process reaps nobody, the dead stay listed.
function isZombie(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
