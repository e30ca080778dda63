// An area's chart: where its seats are. It never changes. Inside the service a seat is its number counted through the area
// from 0, row by row; people see a row's label and a number from 1.

/** How people sit in an area. */
export type Chart = SeatedChart | GeneralAdmissionChart;

/** Rows of numbered seats, best row first. */
export type SeatedChart = {
  kind: "seated";
  rows: readonly ChartRow[];
  rowByLabel: ReadonlyMap<string, ChartRow>;
  capacity: number;
};

/** Places without numbers. */
export type GeneralAdmissionChart = { kind: "generalAdmission"; capacity: number };

/** A row: its seats are `firstSeat` to `endSeat - 1`. */
export type ChartRow = { label: string; firstSeat: number; endSeat: number };

/** A seat as people see it. */
export type SeatName = { row: string; number: number };

/** Returns the chart of rows with these labels and sizes; labels are unique. */
export function createSeatedChart(rows: readonly { label: string; seatCount: number }[]): SeatedChart {
  let capacity = 0;
  const chartRows = rows.map(({ label, seatCount }) => {
    const firstSeat = capacity;
    capacity += seatCount;
    return { label, firstSeat, endSeat: capacity };
  });
  return {
    kind: "seated",
    rows: chartRows,
    rowByLabel: new Map(chartRows.map((row) => [row.label, row])),
    capacity,
  };
}

/** Returns the seat with this name, or undefined where the chart has none. */
export function seatFromName(chart: SeatedChart, { row: label, number }: SeatName): number | undefined {
  const row = chart.rowByLabel.get(label);
  if (!row || number < 1 || number > row.endSeat - row.firstSeat) return undefined;
  return row.firstSeat + number - 1;
}

/** Returns the name of a seat. Throws RangeError where the chart has no such seat. */
export function nameFromSeat(chart: SeatedChart, seat: number): SeatName {
  let low = 0;
  let high = chart.rows.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const row = chart.rows[middle]!;
    if (seat < row.firstSeat) high = middle - 1;
    else if (seat >= row.endSeat) low = middle + 1;
    else return { row: row.label, number: seat - row.firstSeat + 1 };
  }
  throw new RangeError(`the chart has no seat ${seat}`);
}

/** Returns seats as people write them: `A-1, A-2`. Throws RangeError where the chart lacks one. */
export function seatsText(chart: SeatedChart, seats: readonly number[]): string {
  return seats
    .map((seat) => nameFromSeat(chart, seat))
    .map(({ row, number }) => `${row}-${number}`)
    .join(", ");
}
