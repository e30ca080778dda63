// Writing stock back at the end of a batch.

import type { Transaction } from "#shared/sql";
import type { Area } from "../domain/area.ts";
import { BrokenInvariantError } from "../domain/broken-invariant.ts";
import type { WorkingStock } from "../domain/stock.ts";

/** Writes the stock of the areas that a batch changed; their rows are locked. */
export async function writeStock(
  tx: Transaction,
  areas: ReadonlyMap<string, Area>,
  stocks: ReadonlyMap<string, WorkingStock>,
): Promise<void> {
  const changed = [...stocks].filter(([, stock]) => stock.changed);
  if (changed.length === 0) return;
  const refs = changed.map(([key]) => areas.get(key)!);
  const values = changed.map(([, stock]) => stock);
  // The driver does not serialise bytea[]: seat maps travel as hex.
  const { count } = await tx`
    update inventory.stock s
    set free = c.free, held = c.held, sold = c.sold, blocked = c.blocked, seat_map = decode(c.seat_map, 'hex'),
      sequence = s.sequence + 1
    from unnest(
      ${refs.map((ref) => ref.eventId)}::uuid[],
      ${refs.map((ref) => ref.areaId)}::text[],
      ${values.map((stock) => stock.free)}::int[],
      ${values.map((stock) => stock.held)}::int[],
      ${values.map((stock) => stock.sold)}::int[],
      ${values.map((stock) => stock.blocked)}::int[],
      ${values.map((stock) => hexOf(stock.seatMap))}::text[]
    ) as c (event_id, area_id, free, held, sold, blocked, seat_map)
    where s.event_id = c.event_id and s.area_id = c.area_id`;
  if (count !== changed.length)
    throw new BrokenInvariantError(`${changed.length} stocks changed, ${count} were written`);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
