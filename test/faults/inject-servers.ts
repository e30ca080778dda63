// What goes wrong with Postgres and Redis.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import postgres from "postgres";
import { createSql, type Sql } from "#shared/sql";
import type { Fault } from "./fault-case.ts";
import { fired, type Mark } from "./proof.ts";
import { processState } from "./servers.ts";
import type { FaultStack } from "./stack.ts";

const connectionsMax = 500;
const tooManyConnections = "53300";

/** Harms Postgres; returns what proves it. Calls `mark` when it is whole again. */
export async function harmDatabase(
  { how, forMs }: Fault & { kind: "postgres" },
  stack: FaultStack,
  mark: Mark,
): Promise<string> {
  const { servers } = stack;
  switch (how) {
    case "restarted": {
      const stops = () => countInLog(stack, /database system is shut down/g);
      const before = await stops();
      await servers.stopPostgres();
      await sleep(forMs);
      await servers.startPostgres();
      mark();
      return fired((await stops()) > before, "Postgres's log tells of this shutdown");
    }
    case "killed": {
      const recoveries = () => countInLog(stack, /database system was not properly shut down/g);
      const before = await recoveries();
      const pid = await servers.killPostgres();
      await sleep(forMs);
      await servers.startPostgres();
      mark();
      return fired((await recoveries()) > before, `Postgres (${pid}) was killed and had to recover`);
    }
    case "backend-killed": {
      const [row] = await stack.sql<{ pid: number }[]>`
        select pid from pg_stat_activity where application_name = 'boxoffice-reservation' limit 1`;
      const crashes = await countInLog(stack, crashOf(row!.pid));
      process.kill(row!.pid, "SIGKILL");
      while ((await countInLog(stack, crashOf(row!.pid))) === crashes) await sleep(20);
      await untilAnswers(stack.sql);
      mark();
      return fired(true, `backend ${row!.pid} was killed, and Postgres ended all others`);
    }
    case "exhausted":
      return await exhaust(stack, forMs, mark);
  }
}

// Takes every connection there is, and has the services open theirs anew.
async function exhaust(stack: FaultStack, forMs: number, mark: Mark): Promise<string> {
  const refusals = () => countInLog(stack, /FATAL: {2}(sorry, too many clients|remaining connection slots)/g);
  const taken: Sql[] = [];
  try {
    const fill = async () => {
      while (taken.length < connectionsMax) {
        const one = createSql({ url: stack.servers.postgresUrl, poolMax: 1, applicationName: "faults-hog" });
        taken.push(one);
        try {
          await one`select 1`;
        } catch (error) {
          if (error instanceof postgres.PostgresError && error.code === tooManyConnections) return;
          throw error;
        }
      }
    };
    await fill();
    for (const link of ["inventory>postgres", "reservation>postgres", "payment>postgres"] as const) {
      for (const proxy of stack.proxiesOf(link)) {
        proxy.reset();
        proxy.heal();
      }
    }
    await fill();
    const before = await refusals();
    await sleep(forMs);
    const refused = (await refusals()) - before;
    return fired(refused > 0, `Postgres refused ${refused} connections while ${taken.length} were taken`);
  } finally {
    await Promise.all(taken.map((one) => one.end({ timeout: 0 })));
    mark();
  }
}

/** Harms Redis; returns what proves it. Calls `mark` when it is whole again. */
export async function harmRedis(
  { how, forMs }: Fault & { kind: "redis" },
  { servers }: FaultStack,
  mark: Mark,
): Promise<string> {
  switch (how) {
    case "killed": {
      const pid = servers.redisPid();
      await servers.killRedis();
      await sleep(forMs);
      const state = await processState(pid);
      await servers.startRedis();
      mark();
      return fired(state === "gone", `Redis (${pid}) was gone for ${forMs} ms`);
    }
    case "flushed": {
      const redis = new Redis(servers.redisUrl);
      let flushed = 0;
      const until = performance.now() + forMs;
      while (performance.now() < until) {
        flushed += await redis.dbsize();
        await redis.flushall();
        await sleep(200);
      }
      redis.disconnect();
      mark();
      return fired(flushed > 0, `${flushed} keys were flushed`);
    }
    case "stalled": {
      const pid = servers.redisPid();
      process.kill(pid, "SIGSTOP");
      await sleep(forMs);
      const state = await processState(pid);
      process.kill(pid, "SIGCONT");
      mark();
      return fired(state === "stopped", `Redis (${pid}) stood still for ${forMs} ms`);
    }
  }
}

function crashOf(pid: number): RegExp {
  return new RegExp(`\\(PID ${pid}\\) was terminated by signal 9`, "g");
}

async function untilAnswers(sql: Sql): Promise<void> {
  for (;;) {
    const answered = await sql`select 1`.then(
      () => true,
      () => false,
    );
    if (answered) return;
    await sleep(20);
  }
}

async function countInLog({ servers }: FaultStack, pattern: RegExp): Promise<number> {
  return [...(await readFile(servers.postgresLog, "utf8")).matchAll(pattern)].length;
}
