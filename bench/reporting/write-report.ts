// Puts the report into its folder: report.md for people, report.json for programs, a file for each chart.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { svgOf, type Chart } from "./charts.ts";
import { markdownOf } from "./markdown.ts";
import { withSections, type Report, type Section } from "./report.ts";

/** A section with its charts, to be drawn. */
export type NewSection = Omit<Section, "charts"> & { charts: Chart[] };

/** Writes a section into the report in `dir`, whose other sections stay; `names` say the order. */
export async function writeSection(dir: string, section: NewSection, names: readonly string[]): Promise<void> {
  await mkdir(dir, { recursive: true });
  const fileOf = ({ name }: Chart) => `${section.name}-${name}.svg`;
  for (const chart of section.charts) await writeFile(join(dir, fileOf(chart)), svgOf(chart));
  const charts = section.charts.map((chart) => ({ title: chart.title, file: fileOf(chart) }));
  const report = withSections(await readReport(dir), [{ ...section, charts }], names);
  await writeFile(join(dir, "report.json"), `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(join(dir, "report.md"), markdownOf(report));
}

async function readReport(dir: string): Promise<Report> {
  const text = await readFile(join(dir, "report.json"), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? { sections: [] } : (JSON.parse(text) as Report);
}
