// Charts as SVG, drawn by Apache ECharts without a browser.

import { BarChart, LineChart, type BarSeriesOption, type LineSeriesOption } from "echarts/charts";
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from "echarts/components";
import { init, use, type ComposeOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer]);

/** A chart of the report. */
export type Chart = {
  /** Its file is `<scenario>-<name>.svg`. */
  name: string;
  title: string;
  option: ComposeOption<LineSeriesOption | BarSeriesOption>;
};

/** An axis. Names carry units: `holds/s`. */
export type Axis = { name: string; scale?: "linear" | "log" };

/** A line across the chart: what must be reached, what is aimed at. */
export type Mark = { name: string; value: number };

const size = { width: 760, height: 380 };
const colours = ["#2f6fb0", "#e07b39", "#3a9a5b", "#b0413e", "#7d5ba6", "#8c6d46", "#c2679a", "#6b7785"];
const ink = "#333333";
const faint = "#e3e6ea";

/** Returns a chart of lines through points. Undefined values leave a gap. */
export function lineChart(of: {
  name: string;
  title: string;
  /** Labels of evenly spaced places; left out, x is a number. */
  categories?: (string | number)[];
  x: Axis;
  y: Axis;
  lines: { name: string; points: [x: number | string, y: number | undefined][]; filled?: boolean }[];
  marks?: Mark[];
}): Chart {
  const { name, title, categories, x, y, lines, marks = [] } = of;
  const dense = lines.some(({ points }) => points.length > 40);
  return {
    name,
    title,
    option: {
      ...common(title, { hasLegend: lines.length > 1, marks }),
      xAxis: categories
        ? { ...axis(x), type: "category", data: categories.map(labelOf), boundaryGap: false }
        : { ...axis(x), type: x.scale === "log" ? "log" : "value", min: x.scale === "log" ? "dataMin" : 0 },
      yAxis: { ...axis(y), nameGap: 55, type: y.scale === "log" ? "log" : "value", ...roomFor(marks) },
      series: lines.map((line, index) => ({
        type: "line",
        name: line.name,
        data: line.points.map(([at, value]) => [categories ? labelOf(at) : at, value ?? "-"]),
        showSymbol: !dense,
        symbolSize: 7,
        lineStyle: { width: dense ? 1.5 : 2.5 },
        ...(line.filled ? { areaStyle: { opacity: 0.15 } } : {}),
        ...(index === 0 ? markLine(marks) : {}),
      })),
    },
  };
}

/** Returns a chart of bars, each made of parts that add up. */
export function stackedBars(of: {
  name: string;
  title: string;
  bars: (string | number)[];
  x: Axis;
  y: Axis;
  parts: { name: string; values: number[] }[];
  marks?: Mark[];
}): Chart {
  const { name, title, bars, x, y, parts, marks = [] } = of;
  return {
    name,
    title,
    option: {
      ...common(title, { hasLegend: true, marks }),
      xAxis: { ...axis(x), type: "category", data: bars.map(labelOf) },
      yAxis: { ...axis(y), nameGap: 55, type: "value", ...roomFor(marks) },
      series: parts.map((part, index) => ({
        type: "bar",
        stack: "all",
        name: part.name,
        data: part.values,
        barMaxWidth: 70,
        ...(index === 0 ? markLine(marks) : {}),
      })),
    },
  };
}

/** Returns the chart as an SVG document. */
export function svgOf({ option }: Chart): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function common(title: string, { hasLegend, marks }: { hasLegend: boolean; marks: Mark[] }) {
  return {
    animation: false,
    backgroundColor: "#ffffff",
    color: colours,
    textStyle: { fontFamily: "Helvetica, Arial, sans-serif", color: ink },
    title: { text: title, left: 16, top: 10, textStyle: { fontSize: 15, fontWeight: "bold" as const, color: ink } },
    legend: { show: hasLegend, top: 36, left: 12, itemWidth: 14, itemHeight: 10, itemGap: 24, icon: "roundRect" },
    // The names of marks stand outside, where no line or bar runs through them.
    grid: { left: 80, right: marks.length > 0 ? 100 : 40, top: hasLegend ? 84 : 60, bottom: 60 },
  };
}

function axis({ name }: Axis) {
  return {
    name,
    nameLocation: "middle" as const,
    nameGap: 32,
    nameTextStyle: { color: ink },
    axisLine: { lineStyle: { color: "#999999" } },
    axisLabel: { color: ink },
    splitLine: { lineStyle: { color: faint } },
  };
}

function labelOf(category: string | number): string {
  return typeof category === "number" ? category.toLocaleString("en") : category;
}

// A mark is seen even where the data stays far below it.
function roomFor(marks: Mark[]) {
  if (marks.length === 0) return {};
  const highest = Math.max(...marks.map(({ value }) => value));
  // ECharts takes null for "as you see fit", which its types don't know.
  return { max: ({ max }: { max: number }) => (max >= highest ? (null as unknown as number) : roundUp(highest)) };
}

// To half of a power of ten, with some room: 350 to 400, 20,000 to 25,000.
function roundUp(value: number): number {
  const step = 10 ** Math.floor(Math.log10(value)) / 2;
  return Math.ceil((value * 1.02) / step) * step;
}

function markLine(marks: Mark[]) {
  if (marks.length === 0) return {};
  return {
    markLine: {
      silent: true,
      symbol: "none",
      lineStyle: { type: "dashed" as const, color: "#555555" },
      label: { position: "end" as const, color: "#555555", formatter: "{b}" },
      data: marks.map((mark) => ({ name: mark.name, yAxis: mark.value })),
    },
  };
}
