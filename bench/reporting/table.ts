// Tables in Markdown.

import type { Table } from "../scenario.ts";
import { numberText } from "./numbers.ts";

/** Returns the table in Markdown, without its title; numbers as people read them. */
export function tableText({ columns, rows }: Pick<Table, "columns" | "rows">): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => (typeof cell === "number" ? numberText(cell) : cell)).join(" | ")} |`;
  return [line(columns), `|${columns.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
