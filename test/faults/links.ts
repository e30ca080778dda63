// Who talks to whom: every connection between two parts of the system goes through a proxy of the harness.

import type { ProcessName } from "#stack/topology";
import { startProxy, type Proxy } from "../support/proxy.ts";

/** A part that talks: a process, a server under it, or whoever uses the public API. */
export type Part = ProcessName | "client" | "postgres" | "redis";

/** The links, as `caller>callee`. */
export const linkNames = [
  "client>gateway",
  "gateway>reservation",
  "gateway>inventory",
  "gateway>payment",
  "gateway>redis",
  "gateway>issuer",
  "reservation>inventory",
  "reservation>payment",
  "reservation>postgres",
  "reservation>redis",
  "inventory>postgres",
  "payment>postgres",
  "payment>sandbox",
  "sandbox>gateway",
] as const;
export type LinkName = (typeof linkNames)[number];

/** Returns the two ends of a link. */
export function endsOf(link: LinkName): { caller: Part; callee: Part } {
  const [caller, callee] = link.split(">") as [Part, Part];
  return { caller, callee };
}

/** The proxies of all links. */
export type Links = {
  /** One for each copy of the callee. */
  of(link: LinkName): Proxy[];
  /** Returns `host:port` of a link's proxies, with commas between them. */
  target(link: LinkName): string;
  /** Says where a part listens now: `inventory`, or `inventory-2` for its second copy. */
  pointTo(part: string, port: number): void;
  close(): Promise<void>;
};

/** Starts a proxy for every copy of every callee. */
export async function startLinks(copiesOf: (callee: Part) => number): Promise<Links> {
  const started = linkNames.map(async (link) => {
    const copies = Array.from({ length: copiesOf(endsOf(link).callee) }, () => startProxy());
    return [link, await Promise.all(copies)] as const;
  });
  const proxies = new Map<LinkName, Proxy[]>(await Promise.all(started));
  const of = (link: LinkName) => proxies.get(link)!;
  return {
    of,
    target: (link) =>
      of(link)
        .map(({ port }) => `127.0.0.1:${port}`)
        .join(","),
    pointTo(part, port) {
      const [, callee, copy = "1"] = /^(.*?)(?:-(\d+))?$/.exec(part)!;
      for (const link of linkNames) if (endsOf(link).callee === callee) of(link)[Number(copy) - 1]!.pointTo(port);
    },
    close: async () => void (await Promise.all([...proxies.values()].flat().map((proxy) => proxy.close()))),
  };
}
