// `make docs`: writes docs/api.md. With --check it changes nothing and fails when the file is not up to date.

import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { renderApiDocs } from "./api-docs.ts";

const file = "docs/api.md";

const descriptorSet = execFileSync("buf", ["build", "--as-file-descriptor-set", "-o", "-#format=binpb"], {
  maxBuffer: 64 << 20,
});
const rendered = renderApiDocs(descriptorSet);

if (process.argv.includes("--check")) {
  const known = await readFile(file, "utf8").catch(() => "");
  if (known !== rendered) {
    console.error(`${file} does not say what the protos say: run "make docs"`);
    process.exitCode = 1;
  }
} else {
  await mkdir("docs", { recursive: true });
  await writeFile(file, rendered);
  console.log(`wrote ${file}`);
}
