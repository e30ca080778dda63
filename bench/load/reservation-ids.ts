// Reservation ids as buyers make them.

/** Returns a source of UUIDv7 (RFC 9562): 48 bits of milliseconds, then a counter and a random part of this source's own. */
export function createReservationIds(): () => string {
  const own = Math.floor(Math.random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, "0");
  let counter = 0;
  let millis = 0;
  let prefix = "";
  return () => {
    const now = Date.now();
    if (now !== millis) {
      millis = now;
      const hex = now.toString(16).padStart(12, "0");
      prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    }
    counter = (counter + 1) & 0x0fff_ffff;
    const tail = counter.toString(16).padStart(7, "0");
    return `${prefix}${tail.slice(0, 3)}-8${tail.slice(3, 6)}-${tail.slice(6)}000${own}`;
  };
}
