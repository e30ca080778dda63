// `make conformance`: Connect's own conformance suite against the gateway's HTTP code, by each of its two ways.

import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

// The suite that proto/ is of.
const version = "v1.0.7";
const dir = "test/conformance";

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
  const server = [process.execPath, "--import=tsx", `${dir}/server.ts`, way];
  // It gives a server ten seconds to start, and every server compiles itself.
  const options = ["--mode=server", "--max-servers=2", ...args, "--", ...server];
  return promisify(execFile)(path, options, { maxBuffer: 64 << 20 }).then(
    ({ stdout, stderr }) => ({ ok: true, output: `${stdout}${stderr}` }),
    ({ stdout, stderr, message }: { stdout: string; stderr: string; message: string }) => ({
      ok: false,
      output: `${stdout}${stderr}` || message,
    }),
  );
}
