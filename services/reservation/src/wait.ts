/** Waits for `promise`, but not beyond `deadlineAtMs` (epoch milliseconds). Never rejects. */
export async function waitUntil(promise: Promise<unknown>, deadlineAtMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadlineAtMs - Date.now()));
  });
  await Promise.race([promise.catch(() => {}), late]).finally(() => clearTimeout(timer));
}
