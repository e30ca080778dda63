import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isRunning } from "../test/support/is-running.ts";
import type { ProcessSpec } from "./process.ts";
import { StackError } from "./stack-error.ts";
import { createSupervisor } from "./supervisor.ts";

describe("supervisor", function () {
  this.timeout(60_000);
  let dir: string;
  before(async () => (dir = await mkdtemp(join(tmpdir(), "boxoffice-processes-"))));
  after(() => rm(dir, { recursive: true, force: true }));

  const program = async (name: string, code: string, env: Record<string, string> = {}): Promise<ProcessSpec> => {
    const entry = join(dir, `${name}.mts`);
    await writeFile(entry, code);
    return { name, entry, env };
  };
  const patient = "setInterval(() => {}, 1000); console.log(JSON.stringify({ ports: { http: 1 } }));";

  function supervise(lines: string[] = [], signal?: AbortSignal) {
    const ends: string[] = [];
    let ended = () => {};
    const someEnd = new Promise<void>((resolve) => (ended = resolve));
    const supervisor = createSupervisor({
      startOptions: ({ name }) => ({
        readyTimeoutMs: 20_000,
        onLine: (line) => void lines.push(`${name}: ${line}`),
        ...(signal ? { signal } : {}),
      }),
      onUnexpectedEnd: ({ name }, how) => {
        ends.push(`${name} ${how}`);
        ended();
      },
    });
    return { supervisor, ends, someEnd };
  }

  it("returns a process once it has announced its ports, with the settings it was given", async () => {
    const lines: string[] = [];
    const { supervisor, ends } = supervise(lines);
    const spec = await program(
      "sandbox",
      `console.log("setting " + process.env.SETTING + " " + process.env.ANNOUNCE_PORTS + " " + process.env.SECRET_OF_PARENT);
       ${patient}`,
      { SETTING: "42" },
    );
    process.env["SECRET_OF_PARENT"] = "not for children";
    const { ports, lastLines } = await supervisor.start(spec);
    delete process.env["SECRET_OF_PARENT"];
    assert.deepEqual(ports, { http: 1 });
    assert.deepEqual(lines, ["sandbox: setting 42 true undefined"]);
    assert.deepEqual(lastLines(), ["setting 42 true undefined"]);
    await supervisor.stop();
    assert.deepEqual(ends, []);
    assert.deepEqual(supervisor.names(), []);
  });

  it("waits until the admin port says that the process is ready", async () => {
    const { supervisor } = supervise();
    const spec = await program(
      "inventory",
      `import { createServer } from "node:http";
       let asked = 0;
       const server = createServer((_, response) => response.writeHead(++asked < 3 ? 503 : 200).end(() => console.log("asked " + asked)));
       server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ ports: { admin: server.address().port } })));`,
    );
    const { lastLines } = await supervisor.start(spec);
    assert.ok(lastLines().includes("asked 2"));
    await supervisor.stop();
  });

  it("says why a process did not start, with its last lines", async () => {
    const { supervisor, ends } = supervise();
    const spec = await program("payment", 'console.error("no database\\n\\nat all"); process.exit(7);');
    await assert.rejects(supervisor.start(spec), (error: unknown) => {
      assert.ok(error instanceof StackError);
      assert.equal(error.message, "payment ended with code 7 before it was ready\n    no database\n    at all");
      return true;
    });
    assert.deepEqual(ends, []);
  });

  it("gives up on a start that is interrupted, and leaves nothing running", async () => {
    const interruption = new AbortController();
    const lines: string[] = [];
    const { supervisor } = supervise(lines, interruption.signal);
    const spec = await program(
      "payment",
      'console.log(process.pid); process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);',
    );
    const start = supervisor.start(spec);
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    interruption.abort();
    await assert.rejects(start, /payment was interrupted/);
    assert.equal(isRunning(Number(lines[0]!.split(" ")[1])), false);
  });

  it("does not begin a start that was interrupted before", async () => {
    const { supervisor } = supervise([], AbortSignal.abort());
    const file = join(dir, "begun");
    const spec = await program(
      "inventory",
      `import { writeFileSync } from "node:fs";
       writeFileSync(${JSON.stringify(file)}, "");
       console.log(JSON.stringify({ ports: { admin: 1 } }));
       setInterval(() => {}, 1000);`,
    );
    await assert.rejects(supervisor.start(spec), /inventory was interrupted/);
    assert.equal(existsSync(file), false);
  });

  it("tells of a process that ends by itself, and of none that it was asked to stop or to release", async () => {
    const { supervisor, ends, someEnd } = supervise();
    await supervisor.start(await program("gateway", patient));
    await supervisor.start(await program("payment", patient));
    const released = await supervisor.start(await program("sandbox", patient));
    supervisor.release("sandbox").kill("SIGKILL");
    assert.equal(await released.ended, "signal SIGKILL");
    supervisor.get("payment").kill("SIGKILL");
    await someEnd;
    assert.deepEqual(ends, ["payment signal SIGKILL"]);
    assert.deepEqual(supervisor.names(), ["gateway"]);
    assert.throws(() => supervisor.get("payment"), /no process "payment" is running: there are gateway/);
    await supervisor.stop();
    assert.deepEqual(ends, ["payment signal SIGKILL"]);
  });

  it("stops callers before those whom they call", async () => {
    const { supervisor } = supervise();
    for (const name of ["sandbox", "inventory-2", "gateway", "inventory", "issuer", "reservation"]) {
      await supervisor.start(await program(name, patient));
    }
    const order: string[] = [];
    await supervisor.stop((name) => order.push(name));
    assert.deepEqual(order, ["gateway", "reservation", "inventory-2", "inventory", "issuer", "sandbox"]);
  });

  it("kills a process that does not stop when asked, and the children it had", async () => {
    const { supervisor } = supervise();
    const file = join(dir, "grandchild");
    const stubborn = await supervisor.start(
      await program(
        "sandbox",
        `import { spawn } from "node:child_process";
         import { writeFileSync } from "node:fs";
         process.on("SIGTERM", () => {});
         writeFileSync(${JSON.stringify(file)}, String(spawn("sleep", ["1000"]).pid));
         ${patient}`,
      ),
    );
    await stubborn.stop(200);
    assert.equal(await stubborn.ended, "signal SIGKILL");
    const grandchild = Number(await readFile(file, "utf8"));
    while (isRunning(grandchild)) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it("takes its processes with it when it is killed itself", async () => {
    const { entry } = await program(
      "child",
      `console.log(JSON.stringify({ ports: { http: process.pid } })); setInterval(() => {}, 1000);`,
    );
    const parent = await program(
      "parent",
      `import { startProcess } from ${JSON.stringify(resolve("stack/process.ts"))};
       const { ports } = await startProcess({ name: "child", entry: ${JSON.stringify(entry)}, env: {} });
       console.log(ports.http);
       setInterval(() => {}, 1000);`,
    );
    const running = spawn(process.execPath, ["--import=tsx", parent.entry], { stdio: ["ignore", "pipe", "inherit"] });
    const [output] = (await once(running.stdout, "data")) as [Buffer];
    running.kill("SIGKILL");
    while (isRunning(Number(output.toString()))) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});
