// One child process: in a group of its own, so that the terminal's Ctrl-C reaches only its parent, which then stops its
// children in order.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { StackError } from "./stack-error.ts";

/** What to run. */
export type ProcessSpec = {
  /** Name for people, and of its log. */
  name: string;
  /** The TypeScript file to run, from the root of the repository. */
  entry: string;
  /** Runs what `make build` made of the file, as production does, instead of the file itself. */
  isBuilt?: boolean | undefined;
  /** Its settings. Of the parent's environment it sees PATH and HOME. */
  env: Record<string, string>;
  /** Options of Node itself, such as `--max-semi-space-size=64`. */
  nodeOptions?: string[];
};

/** The ports that a process announced. */
export type Ports = { grpc?: number; http?: number; admin?: number };

/** A process that is ready. */
export type RunningProcess = {
  name: string;
  spec: ProcessSpec;
  pid: number;
  ports: Ports;
  /** Settles when it has ended, with how: `code 1`, `signal SIGKILL`. Never rejects. */
  ended: Promise<string>;
  /** Its last lines of output. */
  lastLines(): string[];
  /** Asks it to stop and waits; kills it and its children after `timeoutMs`. */
  stop(timeoutMs?: number): Promise<void>;
  /** Sends it a signal; `SIGKILL` also reaches its children. */
  kill(signal: NodeJS.Signals): void;
};

/** How to start. */
export type StartOptions = {
  /** Told of every line it prints. */
  onLine?: (line: string) => void;
  /** Ends the start early. */
  signal?: AbortSignal;
  /** Milliseconds until it must be ready. */
  readyTimeoutMs?: number;
};

const root = fileURLToPath(new URL("..", import.meta.url));
const lastLinesMax = 200;
const groups = new Set<number>();
process.on("exit", () => groups.forEach(killGroup));

/**
 * Runs `spec` and returns once it has announced its ports and, where it has an admin port, says that it is ready. Throws
 * StackError with its last lines when it ends or hangs before that; nothing of it is left then.
 */
export async function startProcess(spec: ProcessSpec, options: StartOptions = {}): Promise<RunningProcess> {
  const { onLine = () => {}, signal, readyTimeoutMs = 60_000 } = options;
  if (signal?.aborted) throw new StackError(`${spec.name} was interrupted`);
  const child = spawn(process.execPath, [...(spec.nodeOptions ?? []), ...codeOf(spec)], {
    cwd: root,
    env: environmentOf(spec),
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  const ended = endOf(child);
  if (child.pid === undefined) throw new StackError(`${spec.name} could not be started: ${await ended}`);
  const pid = child.pid;
  groups.add(pid);
  void ended.then(() => {
    killGroup(pid);
    groups.delete(pid);
  });

  const lines: string[] = [];
  const ports = new Promise<Ports>((resolve) => {
    const take = (line: string) => {
      const announced = portsFromLine(line);
      if (announced) return resolve(announced);
      if (lines.push(line) > lastLinesMax) lines.shift();
      onLine(line);
    };
    eachLine(child.stdout!, take);
    eachLine(child.stderr!, take);
  });
  const running = (announced: Ports): RunningProcess => ({
    name: spec.name,
    spec,
    pid,
    ports: announced,
    ended,
    lastLines: () => [...lines],
    kill: (name) => (name === "SIGKILL" ? killGroup(pid) : void child.kill(name)),
    async stop(timeoutMs = 20_000) {
      const timer = setTimeout(() => killGroup(pid), timeoutMs);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(timer);
    },
  });

  const giveUp = AbortSignal.any([AbortSignal.timeout(readyTimeoutMs), ...(signal ? [signal] : [])]);
  const failure = Promise.race([
    ended.then((how) => `ended with ${how} before it was ready`),
    abortOf(giveUp).then(() => (signal?.aborted ? "was interrupted" : `was not ready after ${readyTimeoutMs} ms`)),
  ]);
  const ready = ports.then(async (announced) => {
    if (announced.admin !== undefined) await untilReady(announced.admin, AbortSignal.any([giveUp, endSignal(ended)]));
    return running(announced);
  });
  const outcome = await Promise.race([ready, failure]);
  if (typeof outcome !== "string") return outcome;
  killGroup(pid);
  await ended;
  throw new StackError(
    [
      `${spec.name} ${outcome}`,
      ...lines
        .filter(Boolean)
        .slice(-15)
        .map((line) => `    ${line}`),
    ].join("\n"),
  );
}

/** Kills every process that this one started and that still runs, with its children. */
export function killAllProcesses(): void {
  groups.forEach(killGroup);
}

function codeOf({ entry, isBuilt }: ProcessSpec): string[] {
  if (!isBuilt) return ["--import=tsx", "--import=./stack/follow-parent.ts", entry];
  return ["--import=./dist/stack/follow-parent.js", `dist/${entry.replace(/\.ts$/, ".js")}`];
}

function environmentOf({ env }: ProcessSpec): NodeJS.ProcessEnv {
  // Not NODE_V8_COVERAGE: tsx compiles a file differently in its own process, and merged coverage would be wrong.
  const inherited = ["PATH", "HOME"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(inherited), ANNOUNCE_PORTS: "true", ...env };
}

async function endOf(child: ReturnType<typeof spawn>): Promise<string> {
  try {
    // `close` follows `exit` once the last line has been read.
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return signal ? `signal ${signal}` : `code ${code}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function eachLine(stream: Readable, take: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on("line", take);
}

function portsFromLine(line: string): Ports | undefined {
  if (!line.startsWith('{"ports":')) return undefined;
  return (JSON.parse(line) as { ports: Ports }).ports;
}

async function untilReady(adminPort: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const response = await fetch(`http://127.0.0.1:${adminPort}/ready`, { signal }).catch(() => undefined);
    await response?.arrayBuffer().catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await new Promise(() => {});
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function endSignal(ended: Promise<string>): AbortSignal {
  const controller = new AbortController();
  void ended.then(() => controller.abort());
  return controller.signal;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The whole group has ended already.
  }
}
