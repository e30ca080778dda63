// `make audit`: asks the registry for known vulnerabilities of the locked packages. It fails on one that nobody has explained
// below, on an explanation that nothing needs any more, and where the registry gives no answer, unless `offline=ok` was said.

import { execFile } from "node:child_process";
import { pathToFileURL } from "node:url";

/** What `npm audit --json` prints, as far as it matters: by package, the advisories and the packages that pass them on. */
export type AuditReport = {
  vulnerabilities: Record<string, { via: (string | { url: string; title: string; severity: string })[] }>;
};

/** What is to be said of a report. */
export type Verdict = {
  /** Advisories that nobody has explained, a line each. */
  unexplained: string[];
  /** Explanations of advisories that are gone. */
  outdated: string[];
};

/** Why an advisory does not matter here: its address, and the reason. */
const explained: Record<string, string> = {};

/** Returns what of a report is not explained, and what is explained for nothing. */
export function judge(report: AuditReport, explanations: Record<string, string>): Verdict {
  const advisories = new Map<string, string>();
  for (const [name, { via }] of Object.entries(report.vulnerabilities)) {
    for (const each of via) {
      if (typeof each !== "string") advisories.set(each.url, `${name}: ${each.title} (${each.severity}) ${each.url}`);
    }
  }
  return {
    unexplained: [...advisories].filter(([url]) => !(url in explanations)).map(([, line]) => line),
    outdated: Object.keys(explanations).filter((url) => !advisories.has(url)),
  };
}

/** Returns the report in npm's output, or undefined where it is none: the registry could not be asked. */
export function parseReport(output: string): AuditReport | undefined {
  try {
    const report = JSON.parse(output) as Partial<AuditReport>;
    return report.vulnerabilities ? (report as AuditReport) : undefined;
  } catch {
    return undefined;
  }
}

// Returns npm's words for what went wrong.
function whyNot(output: string): string {
  try {
    const { message, error } = JSON.parse(output) as { message?: string; error?: { summary?: string } };
    return message ?? error?.summary ?? "it did not say why";
  } catch {
    return "npm printed nothing that could be read";
  }
}

async function main(args: string[]): Promise<number> {
  const unknown = args.find((word) => word !== "offline=ok");
  if (unknown !== undefined) {
    console.log(`audit: ${unknown} means nothing here: there is offline=ok`);
    return 2;
  }
  // npm ends with 1 when it has found something; what it prints is what counts.
  const output = await new Promise<string>((resolve) =>
    execFile("npm", ["audit", "--json", "--package-lock-only"], { maxBuffer: 64 << 20 }, (_, stdout) =>
      resolve(stdout),
    ),
  );
  const report = parseReport(output);
  if (!report) {
    console.log(`audit: NOT CHECKED, the registry gave no report: ${whyNot(output)}`);
    if (args.includes("offline=ok")) return 0;
    console.log("audit: where no registry can be asked, `make audit offline=ok` lets that pass");
    return 1;
  }
  const { unexplained, outdated } = judge(report, explained);
  for (const line of unexplained) console.log(`audit: ${line}`);
  for (const url of outdated) console.log(`audit: the explanation of ${url} is not needed any more: remove it`);
  const count = Object.keys(explained).length;
  if (unexplained.length + outdated.length > 0) return 1;
  console.log(count === 0 ? "audit: nothing known" : `audit: nothing but ${count} explained in stack/audit.ts`);
  return 0;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = await main(process.argv.slice(2));
}
