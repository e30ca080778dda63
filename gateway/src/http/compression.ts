// When answers are compressed, on both ways.

/** Bytes from which an answer is compressed for whoever accepts it: a seat map shrinks by nine tenths, a booking hardly. */
export const compressMinBytes = 4_096;

/** Returns whether an Accept-Encoding header takes gzip. Source: RFC 9110, section 12.5.3. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  if (header === undefined) return false;
  return String(header)
    .toLowerCase()
    .split(",")
    .some((coding) => /^\s*gzip\s*(;\s*q=(1(\.0*)?|0?\.\d*[1-9]\d*)\s*)?$/.test(coding));
}
