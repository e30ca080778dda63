// A private Redis for development and tests: the system's `redis-server`, installed by the package manager when missing.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { promisify } from "node:util";
import { StackError } from "./stack-error.ts";

const run = promisify(execFile);

/** A running server. */
export type PrivateRedis = { url: string; pid: number; stop(): Promise<void> };

const installers = [
  { tool: "apt-get", commands: ["apt-get update -q", "apt-get install -q -y --no-install-recommends redis-server"] },
  { tool: "apk", commands: ["apk add redis"] },
  { tool: "dnf", commands: ["dnf install -y redis"] },
  { tool: "brew", commands: ["brew install redis"] },
];

/** Returns the path of `redis-server`, installing it when it is missing; `say` is told first. Throws StackError. */
export async function findRedisServer(say: (line: string) => void): Promise<string> {
  const found = await which("redis-server");
  if (found) return found;
  for (const { tool, commands } of installers) {
    if (!(await which(tool))) continue;
    const needsRoot = tool !== "brew" && userInfo().uid !== 0;
    if (needsRoot && !(await which("sudo"))) break;
    for (const command of commands.map((line) => (needsRoot ? `sudo ${line}` : line))) {
      say(`redis-server is not on PATH; running: ${command}`);
      await run("sh", ["-c", command], {
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
        maxBuffer: 64 << 20,
      }).catch((error: { stderr?: string }) => {
        throw new StackError(`"${command}" failed: ${error.stderr?.trim().split("\n").at(-1) ?? String(error)}`);
      });
    }
    const installed = await which("redis-server");
    if (installed) return installed;
  }
  throw new StackError("redis-server is not on PATH: install Redis 6 or newer, or set REDIS_URL to a server of yours");
}

/** Starts a server on 127.0.0.1:`port` that keeps nothing on disk: Redis is never the truth here. */
export async function startRedis(options: { binary: string; port: number }): Promise<PrivateRedis> {
  const { binary, port } = options;
  const child = spawn(
    binary,
    ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no", "--maxmemory", "256mb"],
    { stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-2_000)));
  const exited = once(child, "exit");
  // Nobody stops it when this process ends without having done so.
  const killWithParent = () => child.kill("SIGKILL");
  process.on("exit", killWithParent);
  const deadline = Date.now() + 10_000;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new StackError(`Redis did not start on port ${port}: ${output.trim().split("\n").at(-1)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid!,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      process.off("exit", killWithParent);
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    socket.write("PING\r\n");
    const [reply] = (await once(socket, "data")) as [Buffer];
    return reply.toString().startsWith("+PONG");
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function which(tool: string): Promise<string | undefined> {
  return await run("sh", ["-c", `command -v ${tool}`]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}
