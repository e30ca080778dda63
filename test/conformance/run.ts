// `make conformance`: Connect's own conformance suite against the gateway's HTTP code, by each of its two ways.

import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { startProcess, type RunningProcess } from "#stack/process";
import { StackError } from "#stack/stack-error";

// The suite that proto/ is of.
const version = "v1.0.7";
const dir = "test/conformance";
// For compiling the gateway on a machine that is busy with other things.
const startTimeoutMs = 300_000;
const slowMs = 10_000;

const runs = [
  { name: "the lean way", way: "lean", args: [`--conf=${dir}/lean.yaml`] },
  {
    name: "the lean way with the router beside it",
    way: "lean",
    args: [`--conf=${dir}/everything.yaml`, `--known-failing=@${dir}/known-failing.txt`],
  },
  {
    name: "the router alone",
    way: "router",
    args: [`--conf=${dir}/everything.yaml`, `--known-failing=@${dir}/known-failing.txt`],
  },
] as const;

const tool = await findTool();
if (tool === undefined) {
  console.error(`connectconformance is neither on PATH nor where Go installs to. With Go 1.26 or newer:
  go install connectrpc.com/conformance/cmd/connectconformance@${version}`);
  process.exitCode = 1;
} else {
  let failed = false;
  for (const { name, way, args } of runs) {
    const { ok, output } = await runSuite(tool, way, args);
    const [, passes, failures] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? [];
    const [, known] = /^\(Another (\d+) failed as expected/m.exec(output) ?? [];
    if (!ok || passes === undefined) console.log(output.trimEnd());
    const knownToFail = known === undefined ? "" : `, ${known} known to fail`;
    console.log(`${name}: ${passes ?? 0} passed, ${failures ?? "not all ran"} failed${knownToFail}`);
    failed ||= !ok;
  }
  if (failed) process.exitCode = 1;
}

/** Looks where a shell would, and where `go install` puts it. */
async function findTool(): Promise<string | undefined> {
  const { PATH = "", GOBIN = "", GOPATH = join(homedir(), "go") } = process.env;
  const dirs = [...PATH.split(delimiter), GOBIN, ...GOPATH.split(delimiter).map((path) => join(path, "bin"))];
  for (const path of dirs.filter(Boolean).map((each) => join(each, "connectconformance"))) {
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function runSuite(path: string, way: string, args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const servers = await startServers(way);
  if (typeof servers === "string") return { ok: false, output: servers };
  const bridge = [process.execPath, `${dir}/bridge.js`, String(servers.ports.http)];
  const startedAt = performance.now();
  try {
    const { stdout, stderr } = await promisify(execFile)(path, ["--mode=server", ...args, "--", ...bridge], {
      maxBuffer: 64 << 20,
    });
    return { ok: true, output: `${stdout}${stderr}` };
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    const output = `${stdout}${stderr}` || message;
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
    const isSlow = output.includes("timed out");
    const why = `The suite, which took ${seconds} s, gives a server 10 s to say where it is and an answer 20 s: is the machine busy?`;
    return { ok: false, output: isSlow ? `${output.trimEnd()}\n${why}` : output };
  } finally {
    await servers.stop();
  }
}

/** Returns the process that has the servers, ready; or why it is not, in words. */
async function startServers(way: string): Promise<RunningProcess | string> {
  const startedAt = performance.now();
  const spec = { name: "the gateway's code", entry: `${dir}/server.ts`, env: { WAY: way } };
  try {
    return await startProcess(spec, { readyTimeoutMs: startTimeoutMs });
  } catch (error) {
    if (error instanceof StackError) return error.message;
    throw error;
  } finally {
    const tookMs = performance.now() - startedAt;
    if (tookMs > slowMs)
      console.log(`(compiling and starting the gateway's code took ${(tookMs / 1_000).toFixed(0)} s)`);
  }
}
