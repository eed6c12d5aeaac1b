/** A browser keeps six connections to a service, for all of its tabs together: so few of them may stream, the others ask. */

const PLACES = 4; // two connections stay free for everything else
const BEAT_MS = 5000;
const LOST_MS = 3 * BEAT_MS; // a tab that was killed gives nothing back
const SETTLE_MS = 250; // tabs see a moment later what another one has written

const nameOf = (place) => `distillery.stream.${place}`;

/**
 * Take one of the places for streams.
 *
 * @param lost called when the place turns out to be another tab's, too
 * @returns the function that frees it, or null where all are taken
 */
export async function takePlace(lost) {
  try {
    const place = Array.from({ length: PLACES }, (_, index) => index).find(isFree);
    return place === undefined ? null : await hold(nameOf(place), lost);
  } catch {
    return () => {}; // storage may be forbidden: then nobody counts
  }
}

/** Of two tabs that write at once, the one whose name stays has the place. */
async function hold(name, lost) {
  const me = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const write = () => localStorage.setItem(name, `${Date.now()} ${me}`);
  const isMine = () => localStorage.getItem(name)?.endsWith(me) ?? false;
  write();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  if (!isMine()) return null;
  const free = () => {
    clearInterval(beating);
    window.removeEventListener("pagehide", free);
    if (isMine()) localStorage.removeItem(name);
  };
  const beating = setInterval(() => (isMine() ? write() : lost()), BEAT_MS);
  window.addEventListener("pagehide", free);
  return free;
}

function isFree(place) {
  const beat = Number.parseInt(localStorage.getItem(nameOf(place)) ?? "0", 10);
  return Math.abs(Date.now() - beat) > LOST_MS;
}
