// Reads and writes the wire format's elements, for compiled codecs. Source: https://protobuf.dev/programming-guides/encoding

/** Thrown where a compiled codec meets what it was not made for: the library takes over, and says what is wrong. */
export class Unforeseen extends Error {
  override readonly name = "Unforeseen";
}

const unforeseen = new Unforeseen("the library has to do this");

/** Ends a compiled read or write. */
export function bail(): never {
  throw unforeseen;
}

const shortMax = 42;

/** Writes into a buffer that grows. */
export class Writer {
  private buffer = Buffer.allocUnsafeSlow(64 * 1024);
  private at = 0;

  /** Starts afresh. A write that failed half-way may have left something. */
  reset(): void {
    this.at = 0;
  }

  /** Returns a copy of what was written. */
  finish(): Buffer {
    const bytes = Buffer.allocUnsafe(this.at);
    this.buffer.copy(bytes, 0, 0, this.at);
    // One large message shall not be kept for ever.
    if (this.buffer.length > 4 << 20) this.buffer = Buffer.allocUnsafeSlow(64 * 1024);
    this.at = 0;
    return bytes;
  }

  /** Makes room for `count` bytes. */
  private need(count: number): void {
    if (this.at + count <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + count));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }

  /** Unsigned, of 32 bits or less. */
  uint32(value: number): void {
    if (value >>> 0 !== value) bail();
    this.need(5);
    const { buffer } = this;
    while (value > 0x7f) {
      buffer[this.at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    buffer[this.at++] = value;
  }

  /** Negative numbers take ten bytes. Also enums. */
  int32(value: number): void {
    if ((value | 0) !== value) bail();
    if (value >= 0) this.uint32(value);
    else this.int64(BigInt(value));
  }

  int64(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) bail();
    this.varint64(BigInt.asUintN(64, value));
  }

  uint64(value: bigint): void {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) bail();
    this.varint64(value);
  }

  private varint64(value: bigint): void {
    this.need(10);
    let low = Number(value & 0xffff_ffffn);
    let high = Number(value >> 32n);
    while (high > 0 || low > 0x7f) {
      this.buffer[this.at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.buffer[this.at++] = low;
  }

  bool(value: boolean): void {
    this.need(1);
    this.buffer[this.at++] = value ? 1 : 0;
  }

  string(value: string): void {
    if (typeof value !== "string") bail();
    const { length } = value;
    if (length > shortMax) return this.longString(value);
    this.need(1 + 3 * shortMax);
    const { buffer } = this;
    const start = this.at + 1;
    for (let index = 0; index < length; index += 1) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) {
        const size = buffer.write(value, start);
        buffer[this.at] = size;
        this.at = start + size;
        return;
      }
      buffer[start + index] = unit;
    }
    buffer[this.at] = length;
    this.at = start + length;
  }

  private longString(value: string): void {
    const size = Buffer.byteLength(value);
    this.uint32(size);
    this.need(size);
    this.at += this.buffer.write(value, this.at);
  }

  bytes(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) bail();
    this.uint32(value.length);
    this.need(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
  }

  /** Leaves room for the length of what follows; returns where, for `close`. */
  open(): number {
    this.need(1);
    return this.at++;
  }

  /** Writes the length of what was written since `open`. */
  close(openedAt: number): void {
    const start = openedAt + 1;
    const length = this.at - start;
    if (length < 0x80) {
      this.buffer[openedAt] = length;
      return;
    }
    let extra = 0;
    for (let rest = length >>> 7; rest > 0; rest >>>= 7) extra += 1;
    this.need(extra);
    this.buffer.copyWithin(start + extra, start, this.at);
    const end = this.at + extra;
    this.at = openedAt;
    this.uint32(length);
    this.at = end;
  }
}

const replacement = "\ufffd";

/** Reads a message's bytes. */
export class Reader {
  /** Where the next element starts. */
  at = 0;
  private readonly buffer: Buffer;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Also tags. */
  uint32(): number {
    const { buffer } = this;
    let byte = buffer[this.at++]!;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      byte = buffer[this.at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    // The upper half of a negative number, whose sign is in the lower half already.
    for (let rest = 0; rest < 5; rest += 1) if (buffer[this.at++]! < 0x80) return value >>> 0;
    return bail();
  }

  int32(): number {
    return this.uint32() | 0;
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  uint64(): bigint {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.buffer[this.at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        return high === 0 ? BigInt(low >>> 0) : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
      }
    }
    return bail();
  }

  bool(): boolean {
    return this.uint32() !== 0;
  }

  string(end: number): string {
    const stop = this.stop(end);
    const { buffer, at } = this;
    this.at = stop;
    for (let index = at; index < stop; index += 1) {
      if (buffer[index]! < 0x80) continue;
      const text = buffer.toString("utf8", at, stop);
      // Either in the text or instead of what is not UTF-8, which the library refuses.
      return text.includes(replacement) ? bail() : text;
    }
    return buffer.toString("latin1", at, stop);
  }

  bytes(end: number): Uint8Array {
    const stop = this.stop(end);
    const copy = new Uint8Array(this.buffer.subarray(this.at, stop));
    this.at = stop;
    return copy;
  }

  /** Reads a length; returns where what follows ends. */
  stop(end: number): number {
    const stop = this.uint32() + this.at;
    return stop > end ? bail() : stop;
  }
}
