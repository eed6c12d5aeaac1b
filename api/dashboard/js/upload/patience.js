/** Try again what failed for a reason that passes: later each time, and at once when the network is back. */

const FIRST_MS = 500;
const LONGEST_MS = 20_000;

/** Whether the same request may well succeed later. */
const passes = ({ status, code }) => status === 0 || status === 408 || status === 429 || status >= 500 || code === "digest_mismatch";

/**
 * What the action gives, after as many attempts as it takes.
 *
 * @param failed called with each failure that is waited out
 */
export async function patiently(action, signal, failed) {
  for (let attempt = 0; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await action();
    } catch (problem) {
      if (signal.aborted || !passes(problem)) throw problem;
      failed(problem);
      await rest(Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt) * (0.75 + Math.random() / 2), signal);
    }
  }
}

function rest(milliseconds, signal) {
  const woken = new AbortController();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    window.addEventListener("online", resolve, { signal: woken.signal });
    signal.addEventListener("abort", () => reject(signal.reason), { signal: woken.signal });
    woken.signal.addEventListener("abort", () => clearTimeout(timer));
  }).finally(() => woken.abort());
}
