// What processes use, from /proc: processor time and resident memory. Source: proc(5).

import { readdir, readFile } from "node:fs/promises";

/** Clock ticks a second; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** What a component used. */
export type Usage = { cpuSeconds: number; residentMb: number; peakMb: number };

/** Returns what each component's processes, with their children, have used since they started; memory of the largest. */
export async function readUsage(components: Record<string, number[]>): Promise<Record<string, Usage>> {
  const children = await readChildren();
  const result: Record<string, Usage> = {};
  for (const [name, pids] of Object.entries(components)) {
    const usage: Usage = { cpuSeconds: 0, residentMb: 0, peakMb: 0 };
    for (const pid of pids.flatMap((each) => familyOf(each, children))) {
      const one = await readOne(pid);
      usage.cpuSeconds += one.cpuSeconds;
      usage.residentMb = Math.max(usage.residentMb, one.residentMb);
      usage.peakMb = Math.max(usage.peakMb, one.peakMb);
    }
    result[name] = usage;
  }
  return result;
}

/** What the whole machine has done since it started. */
export type MachineUsage = { busySeconds: number };

/** Returns it; time that the host gave to other machines (`steal`) counts as busy. */
export async function readMachine(): Promise<MachineUsage> {
  const [cpu] = (await readFile("/proc/stat", "utf8")).split("\n", 1);
  // "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; guests are in user and nice already.
  const [user, nice, system, , , irq, softirq, steal] = cpu!.trim().split(/\s+/).slice(1).map(Number);
  return { busySeconds: (user! + nice! + system! + irq! + softirq! + steal!) / ticksPerSecond };
}

async function readOne(pid: number): Promise<Usage> {
  try {
    const [stat, status] = await Promise.all([read(pid, "stat"), read(pid, "status")]);
    const fields = statFields(stat);
    // utime, stime, and those of children that have ended (14 to 17 in the manual's count, from 1).
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
    const mb = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1024;
    return { cpuSeconds: ticks / ticksPerSecond, residentMb: mb("VmRSS"), peakMb: mb("VmHWM") };
  } catch {
    return { cpuSeconds: 0, residentMb: 0, peakMb: 0 };
  }
}

async function readChildren(): Promise<Map<number, number[]>> {
  const children = new Map<number, number[]>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await read(Number(name), "stat").catch(() => "");
    if (stat === "") continue;
    const parent = Number(statFields(stat)[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

function familyOf(pid: number, children: Map<number, number[]>): number[] {
  return [pid, ...(children.get(pid) ?? []).flatMap((child) => familyOf(child, children))];
}

// The fields after the process's name, which stands in brackets and may contain anything.
function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function read(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, "utf8");
}
