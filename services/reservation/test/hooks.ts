// What a test does to a neighbour: count its calls, stop them, fail them before or after they took effect.

import { Code, ConnectError } from "@connectrpc/connect";

type Hook = (method: string) => void | Promise<void>;

export type Hooks = {
  /** Runs before a call takes effect; throws to fail it. */
  before: Hook;
  /** Runs after a call took effect; throws to lose its answer. */
  after: Hook;
  /** Calls so far, by method. */
  calls: Map<string, number>;
  around<T>(method: string, effect: () => T): Promise<T>;
  reset(): void;
};

export function createHooks(): Hooks {
  const hooks: Hooks = {
    before: () => {},
    after: () => {},
    calls: new Map(),
    async around(method, effect) {
      hooks.calls.set(method, (hooks.calls.get(method) ?? 0) + 1);
      await hooks.before(method);
      const result = effect();
      await hooks.after(method);
      return result;
    },
    reset() {
      hooks.before = hooks.after = () => {};
      hooks.calls.clear();
    },
  };
  return hooks;
}

/** Throws as a neighbour that is down. */
export function down(): never {
  throw new ConnectError("down", Code.Unavailable);
}

/** Returns a hook that fails the calls of `method`, the first `times` of them. */
export function failing(method: string, times = Infinity): Hook {
  let left = times;
  return (called) => {
    if (called === method && left-- > 0) down();
  };
}

/** Returns a hook that holds up the calls of `method` until `open` is called, and a promise of the first such call. */
export function gateAt(method: string): { hook: Hook; reached: Promise<void>; open: () => void } {
  let open = () => {};
  let reach = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const hook: Hook = async (called) => {
    if (called !== method) return;
    reach();
    await opened;
  };
  return { hook, reached, open };
}
