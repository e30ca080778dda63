// Where measurements were made: what a reader needs to know before believing or repeating them.

import { execFile } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { promisify } from "node:util";
import type { Sql } from "#shared/sql";

/** A machine and what ran on it. */
export type Machine = {
  cores: number;
  processor: string;
  memoryGb: number;
  kernel: string;
  node: string;
  postgres: string;
  redis: string;
  /** Postgres settings that durability rests on. */
  durability: string;
  commit: string;
};

const run = promisify(execFile);

/** What a database server says of itself. */
export type PostgresFacts = Pick<Machine, "postgres" | "durability">;

/** Returns the server's version and the settings that durability rests on. */
export async function readPostgresFacts(sql: Sql): Promise<PostgresFacts> {
  const [settings] = await sql<Record<string, string>[]>`
    select current_setting('server_version') as version, current_setting('fsync') as fsync,
      current_setting('synchronous_commit') as synchronous, current_setting('full_page_writes') as pages`;
  const { version, fsync, synchronous, pages } = settings!;
  return {
    postgres: version!,
    durability: `fsync ${fsync}, synchronous_commit ${synchronous}, full_page_writes ${pages}`,
  };
}

/** Returns what is known of this machine. */
export async function readMachineFacts(postgres: PostgresFacts | undefined): Promise<Omit<Machine, "commit">> {
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    postgres: postgres?.postgres ?? "not used",
    durability: postgres?.durability ?? "nothing was written",
    redis: await firstLine("redis-server", ["--version"], /v=(\S+)/),
  };
}

/** Returns the commit that is checked out, and whether files differ from it. */
export async function readCommit(): Promise<string> {
  const commit = await firstLine("git", ["rev-parse", "--short=12", "HEAD"], /(\S+)/);
  const isChanged = (await firstLine("git", ["status", "--porcelain", "--untracked-files=no"], /(\S)/)) !== "unknown";
  return isChanged && commit !== "unknown" ? `${commit} with changes` : commit;
}

async function firstLine(command: string, args: string[], pattern: RegExp): Promise<string> {
  const { stdout } = await run(command, args).catch(() => ({ stdout: "" }));
  return pattern.exec(stdout)?.[1] ?? "unknown";
}
