import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { eventually } from "./edge.ts";
import { startProxy, type Proxy } from "./proxy.ts";

describe("a harmful proxy", () => {
  let echo: Server;
  let proxy: Proxy;
  const callers: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    proxy = await startProxy();
    proxy.pointTo((echo.address() as AddressInfo).port);
  });
  afterEach(async () => {
    for (const caller of callers.splice(0)) caller.destroy();
    await proxy.close();
    echo.close();
  });

  async function call(): Promise<{ socket: Socket; said: () => string; closed: Promise<void> }> {
    const socket = connect(proxy.port, "127.0.0.1");
    callers.push(socket);
    socket.on("error", () => {});
    let said = "";
    socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await once(socket, "connect");
    return { socket, said: () => said, closed };
  }

  const hears = (who: { said: () => string }, text: string) =>
    eventually(`"${text}" is heard`, async () => (who.said() === text ? true : undefined));

  it("passes on what is said, and the end of it", async () => {
    const caller = await call();
    caller.socket.end("hello");
    await once(caller.socket, "end");
    assert.equal(caller.said(), "hello");
    assert.deepEqual(proxy.harm, { bytes: 0, connections: 0 });
  });

  it("shows what is sent each way, also where it is lost, while somebody watches", async () => {
    const caller = await call();
    const seen: string[] = [];
    proxy.watch((chunk, direction) => seen.push(`${direction} ${chunk.toString()}`));
    caller.socket.write("a");
    await hears(caller, "a");
    proxy.silence("down");
    caller.socket.write("b");
    await eventually("it is answered", async () => (seen.length === 4 ? true : undefined));
    assert.deepEqual(seen, ["up a", "down a", "up b", "down b"]);
    proxy.watch(undefined);
    caller.socket.write("c");
    await eventually("it is lost", async () => (proxy.harm.bytes === 2 ? true : undefined));
    assert.equal(seen.length, 4);
  });

  it("delays each way, keeps the order, and counts the bytes", async () => {
    const caller = await call();
    proxy.delay(100);
    const askedAt = performance.now();
    caller.socket.write("a");
    caller.socket.write("b");
    await eventually("it is on its way", async () => (proxy.harm.bytes > 0 ? true : undefined));
    caller.socket.write("c");
    await hears(caller, "abc");
    assert.ok(performance.now() - askedAt >= 199);
    assert.ok(proxy.heal().bytes >= 6);
  });

  it("resets every connection", async () => {
    const caller = await call();
    caller.socket.write("a");
    await hears(caller, "a");
    proxy.reset();
    await caller.closed;
    assert.equal(proxy.heal().connections, 1);
  });

  it("loses what an old connection carries in the silent direction, for ever", async () => {
    const caller = await call();
    caller.socket.write("a");
    await hears(caller, "a");
    proxy.silence("down");
    caller.socket.write("b");
    await eventually("the echo is lost", async () => (proxy.harm.bytes === 1 ? true : undefined));
    proxy.heal();
    caller.socket.write("c");
    const other = await call();
    other.socket.write("d");
    await hears(other, "d");
    assert.equal(caller.said(), "a");
  });

  it("holds back what a new connection carries in the silent direction until it heals", async () => {
    proxy.silence("up");
    const caller = await call();
    caller.socket.write("a");
    await eventually("it is held back", async () => (proxy.harm.bytes === 1 ? true : undefined));
    assert.equal(caller.said(), "");
    proxy.heal();
    await hears(caller, "a");
  });

  it("resets callers while the callee is gone", async () => {
    echo.close();
    await once(echo, "close");
    const caller = await call();
    await caller.closed;
  });
});
