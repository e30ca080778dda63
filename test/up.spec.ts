// `make up` and `make reset`, as their users meet them.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { demoEventName } from "#stack/demo-event";
import { freePort } from "#stack/ports";
import { createTestDatabase, rolePassword, testSetting } from "./support/database.ts";

type Command = {
  output(): string;
  /** Waits for a line that matches; fails when the command ends before it. */
  line(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Sends a signal to the whole process group, as a terminal does. */
  signal(name: NodeJS.Signals): void;
  exitCode: Promise<number | null>;
};

describe("make up", function () {
  this.timeout(180_000);
  let dir: string;
  const running = new Set<Command>();

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "boxoffice-up-"));
    // As root, Postgres runs as another user, who must be able to enter.
    await chmod(dir, 0o755);
  });
  afterEach(async function () {
    for (const command of running) {
      if (this.currentTest?.state === "failed") console.error(command.output());
      command.signal("SIGTERM");
      await command.exitCode;
    }
    running.clear();
    await rm(dir, { recursive: true, force: true });
  });

  async function up(env: Record<string, string> = {}, script = "stack/up.ts"): Promise<Command> {
    const command = start(script, { BOXOFFICE_DATA_DIR: dir, GATEWAY_PORT: String(await freePort()), ...env });
    running.add(command);
    return command;
  }

  it("sells seats to somebody who pastes its lines, stops cleanly on Ctrl-C, and starts again where it left off, and notices when Redis is gone", async () => {
    const first = await up();
    await first.line(/^GATE=.*\n/m);
    for (const shell of ["bash", "sh"]) {
      const answers = await paste(shell, first.output(), "in this order:", "To act as an organiser");
      assert.match(answers.at(-1)!, /"state":"RESERVATION_STATE_CONFIRMED"/, answers.join("\n"));
    }
    const checked = await paste("sh", first.output(), "organiser, paste these:", "To act as a gate's staff");
    assert.match(checked.at(-1)!, /^\{"clean":true/);
    const lines = [linesOf(first.output()), await linesToSell(first.output()), await linesAtTheDoor(first.output())];
    const answers = await runIn("sh", lines.flat(), dir);
    const ticket = join(dir, "ticket.svg");
    assert.match(await readFile(ticket, "utf8"), /^<svg/);
    await rm(ticket);
    for (const word of ["ALREADY_ADMITTED", "SCAN_VERDICT_FIRST", '"others":\\[', '"epoch":2', '"refund":\\{']) {
      assert.match(answers.join("\n"), new RegExp(word));
    }
    assert.match(first.output(), /demo event .*created/);

    const second = await up();
    assert.equal(await second.exitCode, 1);
    assert.doesNotMatch(second.output(), /Starting/);
    assert.match(second.output(), /^make up: it runs here already \(process \d+, .*Ctrl-C there or `kill \d+`$/m);
    const reset = await up({}, "stack/reset.ts");
    assert.equal(await reset.exitCode, 1);
    assert.match(reset.output(), /^make reset: the stack is running/);

    first.signal("SIGINT");
    assert.equal(await first.exitCode, 0);
    const stopped = [...first.output().matchAll(/^ {2}stopping (\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(stopped, [
      ...["gateway", "reservation", "payment", "inventory", "issuer", "sandbox"],
      ...["Redis", "Postgres"],
    ]);
    await assertNothingListens(first.output());

    const again = await up();
    const [, redisPid] = await again.line(/^ {2}Redis .*process (\d+)/m);
    await again.line(/CheckInvariants/);
    assert.match(again.output(), /migrations .*up to date/);
    assert.match(again.output(), /demo event .*present/);

    process.kill(Number(redisPid), "SIGKILL");
    assert.equal(await again.exitCode, 1);
    assert.match(again.output(), /^make up: Redis ended by itself/m);
    await assertNothingListens(again.output());

    const cleared = await up({}, "stack/reset.ts");
    assert.equal(await cleared.exitCode, 0);
    assert.deepEqual(await readdir(dir), []);
  });

  it("uses the user's own Postgres and Redis, says which part ended by itself, and stops the others", async () => {
    const database = await createTestDatabase();
    // Roles belong to the whole server, so this stack has to agree with the other tests on their password.
    const secrets = { rolePassword, sessionSecret: "a session secret of 32 letters or more" };
    await writeFile(join(dir, "secrets.json"), JSON.stringify(secrets));
    const command = await up({ DATABASE_URL: database.url, REDIS_URL: testSetting("TEST_REDIS_URL") });
    const [, pid] = await command.line(/^ {2}inventory .*process (\d+)/m);
    await command.line(/CheckInvariants/);
    const [event] = await database.sql`select name from inventory.event`;
    assert.equal(event!["name"], demoEventName);

    process.kill(Number(pid), "SIGKILL");
    assert.equal(await command.exitCode, 1);
    assert.match(command.output(), /^make up: inventory ended by itself \(signal SIGKILL\)/m);
    assert.doesNotMatch(command.output(), /stopping (Postgres|Redis)/);
    await assertNothingListens(command.output());
    await database.drop();
  });

  it("stops what it had started when it is interrupted half-way", async () => {
    const command = await up();
    await command.line(/^ {2}migrations/m);
    command.signal("SIGTERM");
    assert.equal(await command.exitCode, 0);
    assert.doesNotMatch(command.output(), /runs at http/);
    await assertNothingListens(command.output());
  });

  it("refuses a taken port in one line that names it and the remedy", async () => {
    const holder = await holdPort();
    const command = await up({ GATEWAY_PORT: String(holder.port) });
    await assertRefused(command, new RegExp(`port ${holder.port} is taken .*: free it, or .*GATEWAY_PORT=`));
    assert.doesNotMatch(command.output(), /Starting/);
    holder.close();
  });

  it("refuses wrong settings in one line each", async () => {
    const port = await freePort();
    const wrong: [Record<string, string>, RegExp][] = [
      [{ GATEWAY_PORT: "eighty" }, /GATEWAY_PORT: must be a whole number/],
      [{ DATABASE_URL: "mysql://somewhere" }, /DATABASE_URL is not a URL like postgres:/],
      [
        { DATABASE_URL: `postgres://me:secret@127.0.0.1:${port}/x` },
        /DATABASE_URL: can't use Postgres at 127\.0\.0\.1/,
      ],
      [{ REDIS_URL: `redis://127.0.0.1:${port}` }, /REDIS_URL: can't use Redis at 127\.0\.0\.1/],
    ];
    for (const [env, message] of wrong) await assertRefused(await up(env), message);
  });

  it("names a tool that is missing and that it can't install", async () => {
    const bin = join(dir, "bin");
    await mkdir(bin);
    const { stdout: sh } = await promisify(execFile)("sh", ["-c", "command -v sh"]);
    await symlink(sh.trim(), join(bin, "sh"));
    await assertRefused(await up({ PATH: bin }), /redis-server is not on PATH: install Redis/);
  });
});

function start(script: string, env: Record<string, string>): Command {
  // In a group of its own, as a terminal would have it, and yet not to outlive a run of tests that is interrupted.
  const child = spawn(process.execPath, ["--import=tsx", "--import=./stack/follow-parent.ts", script], {
    env: { ...process.env, DATABASE_URL: "", REDIS_URL: "", ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  let output = "";
  let onOutput = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      onOutput();
    });
  }
  const exitCode = once(child, "close").then(([code]) => code as number | null);
  return {
    output: () => output,
    exitCode,
    signal: (name) => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, name);
    },
    line: (pattern) =>
      new Promise((resolve, reject) => {
        onOutput = () => {
          const match = pattern.exec(output);
          if (match) resolve(match);
        };
        onOutput();
        void exitCode.then((code) => reject(new Error(`ended with ${code} before ${pattern}:\n${output}`)));
      }),
  };
}

// Exactly what a user would mark and paste: everything between the words that announce the lines and what comes after.
async function paste(shell: string, output: string, announcement: string, next: string): Promise<string[]> {
  const lines = output.slice(output.indexOf(announcement) + announcement.length).split(next)[0]!;
  return await runIn(shell, [lines]);
}

function linesOf(output: string): string[] {
  return output.match(/^(?:[A-Z]+=|curl ).*$/gm)!;
}

// What README.md and then docs/operations.md go on with, in the same shell.
async function linesToSell(output: string): Promise<string[]> {
  return await linesIn({ file: "README.md", section: "Putting an event on sale", blocksExpected: 1 }, output);
}

async function linesAtTheDoor(output: string): Promise<string[]> {
  return await linesIn({ file: "docs/operations.md", section: "A ticket at the door", blocksExpected: 5 }, output);
}

async function linesIn(
  { file, section, blocksExpected }: { file: string; section: string; blocksExpected: number },
  output: string,
): Promise<string[]> {
  const [, gatewayUrl] = /runs at (\S+)/.exec(output)!;
  const text = (await readFile(file, "utf8")).split("\n## ").find((each) => each.startsWith(section))!;
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, lines]) => lines!);
  assert.equal(blocks.length, blocksExpected);
  return blocks.map((lines) => lines.replaceAll("http://127.0.0.1:8080", gatewayUrl!));
}

async function runIn(shell: string, lines: string[], cwd?: string): Promise<string[]> {
  const child = execFile(shell, { cwd });
  let answers = "";
  child.stdout!.on("data", (chunk: string) => (answers += chunk));
  child.stdin!.end(`${lines.join("\n")}\n`);
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0);
  return answers.trim().split("\n");
}

async function assertRefused(command: Command, message: RegExp): Promise<void> {
  assert.equal(await command.exitCode, 1, command.output());
  const lines = command.output().trim().split("\n");
  assert.match(lines.at(-1)!, message);
  assert.match(lines.at(-1)!, /^make up: /);
  assert.doesNotMatch(command.output(), / at .*\.ts:\d+/);
  assert.deepEqual(
    lines.slice(0, -1).filter((line) => line !== "Starting Boxoffice."),
    [],
  );
}

async function assertNothingListens(output: string): Promise<void> {
  const ports = [...output.matchAll(/port (\d+)/g)].map(([, port]) => Number(port));
  assert.ok(ports.length > 0);
  for (const port of ports) {
    const socket = connect(port, "127.0.0.1");
    const [error] = await Promise.race([once(socket, "error"), once(socket, "connect")]);
    socket.destroy();
    assert.equal((error as NodeJS.ErrnoException | undefined)?.code, "ECONNREFUSED", `something listens on ${port}`);
  }
}

async function holdPort(): Promise<{ port: number; close(): void }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
