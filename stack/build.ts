// `make build`, and what `make up` and `make bench` begin with: the JavaScript that runs in production, in dist/. A process
// of it takes 40 MB less, and starts sooner, than one that compiles its own TypeScript.

import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { StackError } from "./stack-error.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");

/** Brings dist/ up to date; under a second when nothing has changed. Throws StackError with the compiler's words. */
export async function build(): Promise<void> {
  await mkdir(dist, { recursive: true });
  await Promise.all([compile(), writePackage(), copyMigrations()]);
}

async function compile(): Promise<void> {
  const tsc = join(root, "node_modules", ".bin", "tsc");
  await promisify(execFile)(tsc, ["-p", "tsconfig.build.json"], { cwd: root }).catch(
    (error: { stdout?: string; message: string }) => {
      throw new StackError(`the code doesn't compile\n${error.stdout || error.message}`);
    },
  );
}

// The same imports map, of what was compiled.
async function writePackage(): Promise<void> {
  const { type, imports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    type: string;
    imports: Record<string, string>;
  };
  const compiled = Object.fromEntries(
    Object.entries(imports).map(([name, path]) => [name, path.replace(/\.ts$/, ".js")]),
  );
  await writeFile(join(dist, "package.json"), JSON.stringify({ private: true, type, imports: compiled }, null, 2));
}

async function copyMigrations(): Promise<void> {
  for (const service of ["inventory", "reservation", "payment"]) {
    const dir = join("services", service, "migrations");
    // One that has another number by now would stand beside itself.
    await rm(join(dist, dir), { recursive: true, force: true });
    await cp(join(root, dir), join(dist, dir), { recursive: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await build().catch((error: unknown) => {
    console.error(error instanceof StackError ? `make build: ${error.message}` : error);
    process.exitCode = 1;
  });
}
