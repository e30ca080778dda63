// Keeps watch over the processes it started: tells of one that ends by itself, stops all in order.

import { startProcess, type ProcessSpec, type RunningProcess, type StartOptions } from "./process.ts";
import { processNames } from "./topology.ts";

/** Watches over processes. */
export type Supervisor = {
  /** Starts a process; throws StackError. */
  start(spec: ProcessSpec): Promise<RunningProcess>;
  /** Returns the running process of this name; throws when there is none. */
  get(name: string): RunningProcess;
  /** Names of the running processes. */
  names(): string[];
  /** Takes a process out of the watch, since its end is wanted, and returns it. */
  release(name: string): RunningProcess;
  /** Stops them all, each after those that call it. `onStopping` is told of each first. */
  stop(onStopping?: (name: string) => void): Promise<void>;
};

/** Returns a supervisor. `onUnexpectedEnd` is told of each process that ends without having been asked to. */
export function createSupervisor(options: {
  startOptions: (spec: ProcessSpec) => StartOptions;
  onUnexpectedEnd: (ended: RunningProcess, how: string) => void;
}): Supervisor {
  const running = new Map<string, RunningProcess>();

  function release(name: string): RunningProcess {
    const released = get(name);
    running.delete(name);
    return released;
  }

  function get(name: string): RunningProcess {
    const found = running.get(name);
    if (!found)
      throw new Error(`no process "${name}" is running: there are ${[...running.keys()].join(", ") || "none"}`);
    return found;
  }

  return {
    get,
    release,
    names: () => [...running.keys()],
    async start(spec) {
      const started = await startProcess(spec, options.startOptions(spec));
      running.set(spec.name, started);
      void started.ended.then((how) => {
        if (running.get(spec.name) !== started) return;
        running.delete(spec.name);
        options.onUnexpectedEnd(started, how);
      });
      return started;
    },
    async stop(onStopping = () => {}) {
      const inOrder = [...running.keys()].sort((a, b) => rankOf(b) - rankOf(a));
      for (const name of inOrder) {
        if (!running.has(name)) continue;
        onStopping(name);
        await release(name).stop();
      }
    },
  };
}

function rankOf(name: string): number {
  return processNames.findIndex((known) => name === known || name.startsWith(`${known}-`));
}
