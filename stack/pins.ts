// Dependencies are pinned: a version is exact, so that what was tested is what is installed, and nobody's new release comes in
// by itself. `make lint` runs this file.

import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

/** What matters of a package.json. */
export type Manifest = Partial<Record<(typeof kinds)[number], Record<string, string>>>;

/** What matters of a package-lock.json. */
export type Lock = { packages: Record<string, { version?: string; resolved?: string; integrity?: string }> };

const kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;
const exact = /^\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?$/;
const sha512 = /^sha512-[\w+/]{86}==$/;

/** Returns what is wrong with the versions of a package.json, a line each: ranges, tags, addresses. */
export function findUnpinned(manifest: Manifest): string[] {
  return kinds.flatMap((kind) =>
    Object.entries(manifest[kind] ?? {})
      .filter(([, version]) => !exact.test(version))
      .map(([name, version]) => `${name} "${version}" in ${kind} is not an exact version`),
  );
}

/** Returns what is wrong with the entries of a package-lock.json, a line each: no checksum, or not from the registry. */
export function findUnverified({ packages }: Lock): string[] {
  return Object.entries(packages).flatMap(([path, { version = "", resolved, integrity = "" }]) => {
    if (path === "") return [];
    const wrong = [
      ...(exact.test(version) ? [] : ["has no exact version"]),
      ...(sha512.test(integrity) ? [] : ["has no SHA-512 checksum"]),
      ...(resolved === undefined ? [] : [`comes from ${resolved}`]),
    ];
    return wrong.map((what) => `${path} ${what}`);
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, "utf8"));
  const manifests = ["package.json", "proto/package.json"];
  const unpinned = await Promise.all(
    manifests.map(async (file) => findUnpinned((await read(file)) as Manifest).map((line) => `${file}: ${line}`)),
  );
  const unverified = findUnverified((await read("package-lock.json")) as Lock);
  const wrong = [...unpinned.flat(), ...unverified.map((line) => `package-lock.json: ${line}`)];
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
