// The processes of the system under fault: killed, started anew on other ports, with clocks that can be set.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createLogFile, type LogFile } from "#stack/log-file";
import type { ProcessSpec, RunningProcess } from "#stack/process";
import { createSupervisor } from "#stack/supervisor";

/** Processes by name. */
export type Processes = {
  /** Starts one and returns when it is ready. */
  start(spec: ProcessSpec): Promise<RunningProcess>;
  /** Throws where it does not run. */
  get(name: string): RunningProcess;
  /** Kills with SIGKILL and waits for the end. */
  kill(name: string): Promise<void>;
  /** Starts a process that was killed, or stops and starts a running one; returns once it is ready. */
  restart(name: string): Promise<void>;
  /** Sets a process's clock to `offsetMs` from the true time, and returns what the process said of it. */
  setClock(name: string, offsetMs: number): Promise<string>;
  /** What ended without having been asked to, since the last time. */
  takeUnexpectedEnds(): string[];
  stop(): Promise<void>;
};

const clockTimeoutMs = 5_000;
const preload = "./dist/test/faults/preload/jump-clock.js";

/** Returns no processes yet. Their clocks are kept in `dir`; `onReady` is told where each listens, each time. */
export function createProcesses(options: {
  dir: string;
  logsDir: string;
  onReady: (name: string, port: number) => void;
}): Processes {
  const { dir, logsDir, onReady } = options;
  const logs = new Map<string, LogFile>();
  const specs = new Map<string, ProcessSpec>();
  let unexpected: string[] = [];
  const clockFileOf = (name: string) => join(dir, `${name}.clock`);

  const supervisor = createSupervisor({
    startOptions: ({ name }) => {
      const log = logs.get(name) ?? createLogFile(join(logsDir, `${name}.log`));
      logs.set(name, log);
      return { onLine: (line) => log.write(line) };
    },
    onUnexpectedEnd: ({ name }, how) => unexpected.push(`${name} ended by itself (${how})`),
  });

  async function start(spec: ProcessSpec): Promise<RunningProcess> {
    specs.set(spec.name, spec);
    await writeFile(clockFileOf(spec.name), "0");
    const env = { ...spec.env, FAULT_CLOCK_FILE: clockFileOf(spec.name) };
    const started = await supervisor.start({ ...spec, env, nodeOptions: [`--import=${preload}`] });
    onReady(spec.name, (started.ports.grpc ?? started.ports.http)!);
    return started;
  }

  return {
    start,
    get: supervisor.get,
    async kill(name) {
      const victim = supervisor.release(name);
      victim.kill("SIGKILL");
      await victim.ended;
    },
    async restart(name) {
      if (supervisor.names().includes(name)) await supervisor.release(name).stop();
      await start(specs.get(name)!);
    },
    async setClock(name, offsetMs) {
      const running = supervisor.get(name);
      const said = () => running.lastLines().findLast((line) => line.includes("fault.clock_jumped"));
      const saidBefore = said();
      await writeFile(clockFileOf(name), String(offsetMs));
      running.kill("SIGUSR2");
      const giveUpAtMs = performance.now() + clockTimeoutMs;
      while (said() === saidBefore && performance.now() < giveUpAtMs) await sleep(10);
      return said() ?? "nothing";
    },
    takeUnexpectedEnds() {
      const taken = unexpected;
      unexpected = [];
      return taken;
    },
    async stop() {
      await supervisor.stop();
      for (const log of logs.values()) log.close();
    },
  };
}
