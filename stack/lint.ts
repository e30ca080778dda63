// `make lint`: every check that needs no running system. They all run, each says how it went, and one that fails shows why.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

type Check = { name: string; command: string };
type Outcome = { ok: boolean; output: string };

const run = promisify(execFile);
const scratch = await mkdtemp(join(tmpdir(), "boxoffice-lint-"));

try {
  const outcomes = await runAll(await checks());
  const failed = outcomes.filter(({ ok }) => !ok).length;
  console.log(failed === 0 ? `${outcomes.length} checks passed` : `${failed} of ${outcomes.length} checks failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function checks(): Promise<Check[]> {
  const baseline = await protoBaseline();
  return [
    { name: "types", command: "tsc" },
    {
      name: "format",
      command: "prettier --check --cache --log-level=warn . || (echo 'run \"make format\"' && exit 1)",
    },
    { name: "dead code", command: "knip --no-progress" },
    { name: "rules and import boundaries", command: "oxlint --deny-warnings" },
    { name: "protos", command: "buf lint" },
    ...(baseline
      ? [{ name: `protos compatible with ${baseline.slice(0, 12)}`, command: breakingCommand(baseline) }]
      : []),
    {
      name: "generated code is up to date",
      command:
        `buf generate -o ${scratch} && diff -r proto/src/gen ${scratch}/proto/src/gen >&2 && ` +
        `buf generate --template test/conformance/buf.gen.yaml -o ${scratch} && ` +
        `diff -r test/conformance/gen ${scratch}/test/conformance/gen >&2 || (echo 'run "make generate"' && exit 1)`,
    },
    { name: "dependencies are pinned", command: `"${process.execPath}" --import=tsx stack/pins.ts` },
    { name: "docs/api.md is up to date", command: `"${process.execPath}" --import=tsx stack/docs.ts --check` },
  ];
}

async function runAll(all: Check[]): Promise<Outcome[]> {
  const waiting = [...all];
  const outcomes: Outcome[] = [];
  const work = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) outcomes.push(await runOne(check));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return outcomes;
}

async function runOne({ name, command }: Check): Promise<Outcome> {
  const startedAt = performance.now();
  const outcome = await run("sh", ["-c", command], { maxBuffer: 64 << 20 }).then(
    (): Outcome => ({ ok: true, output: "" }),
    ({ stdout, stderr }: { stdout: string; stderr: string }): Outcome => ({ ok: false, output: `${stdout}${stderr}` }),
  );
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`  ${outcome.ok ? "ok    " : "FAILED"} ${seconds.padStart(5)} s   ${name}`);
  if (!outcome.ok) console.log(outcome.output.trimEnd().replaceAll(/^/gm, "    "));
  return outcome;
}

/**
 * What the protos must stay compatible with: the last release; before the first release the place where this branch left
 * the main one; in a checkout that has neither, its own last commit. Undefined outside a git checkout.
 */
async function protoBaseline(): Promise<string | undefined> {
  const git = (...args: string[]) =>
    run("git", args).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
  return (
    (await git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")) ??
    (await git("merge-base", "HEAD", "origin/HEAD")) ??
    (await git("rev-parse", "HEAD"))
  );
}

// An archive of the commit, since buf can't read a worktree's or a shallow clone's .git by itself.
function breakingCommand(baseline: string): string {
  const archive = join(scratch, "baseline.tar");
  return `git archive -o ${archive} ${baseline} buf.yaml proto && buf breaking --against ${archive}`;
}
