/** Ask again and again while somebody looks: nothing is asked while the page is hidden, and at once when it is back. */

/**
 * @param ask an async function that gets an AbortSignal; gives the seconds until it wants to be called again
 * @returns {now, stop}: ask at once; never again
 */
export function poll(ask) {
  let timer = null;
  let running = null;
  let stopped = false;

  async function turn() {
    clearTimeout(timer);
    running?.abort();
    const mine = (running = new AbortController());
    const seconds = await ask(mine.signal);
    if (stopped || mine !== running) return;
    running = null;
    if (!document.hidden) timer = setTimeout(turn, 1000 * seconds);
  }

  const wake = () => (document.hidden ? clearTimeout(timer) : turn());
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);
  turn();
  return {
    now: turn,
    stop() {
      stopped = true;
      clearTimeout(timer);
      running?.abort();
      document.removeEventListener("visibilitychange", wake);
      window.removeEventListener("online", wake);
    },
  };
}
