/** The page of one thing: read before it is drawn, then kept as the service has it, until it is left. */

import { poll } from "../lib/poll.js";
import { announce } from "./announce.js";
import { load } from "./load.js";
import { showOffline } from "./shell.js";

const BUSY_SECONDS = 1.5;
const QUIET_SECONDS = 8;
const AWAY_SECONDS = 3;

/**
 * Read what the page shows, and draw it.
 *
 * @param state what is known of the thing; `load(signal)` reads it
 * @param lost as for `load`, when it is not there
 * @param show draws the page, and gives what ends it
 * @returns what ends the page, read or not
 */
export function oneThing(main, state, lost, show) {
  const left = new AbortController();
  let end = () => {};
  load(main, async (signal) => (await state.load(signal)) ?? state, left.signal, lost).then((found) => found && (end = show()));
  return () => {
    left.abort();
    end();
    showOffline(false);
  };
}

/**
 * Keep a drawn page as the service has its thing: quicker while something moves, and not while nobody looks.
 *
 * @param state has been read once; `moves` says whether it will soon be otherwise, `version.status` how it stands
 * @param update draws what has changed; `fail` says what went wrong; `says` is the sentence for another status
 * @returns {now, stop}: read at once; never again
 */
export function kept(main, state, { update, fail, says }) {
  let [first, known] = [true, state.version.status];
  const polling = poll(async (signal) => {
    try {
      if (!first) await state.load(signal);
      first = false;
      showOffline(false);
      update();
      if (known !== state.version.status) announce(says());
      known = state.version.status;
      return state.moves ? BUSY_SECONDS : QUIET_SECONDS;
    } catch (problem) {
      if (problem.status === 0) showOffline(true);
      else if (problem.name !== "AbortError") fail(problem);
      return AWAY_SECONDS;
    }
  });
  const heading = main.querySelector("h1");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  return polling;
}
