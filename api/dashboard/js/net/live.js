/** A job's events as they happen: one EventSource while the page is seen, and plain polling where there is none to have. */

import { get } from "./api.js";
import { takePlace } from "./places.js";

const TYPES = ["status", "phase", "progress", "metric", "log", "checkpoint", "artifact", "change", "end"];
const SILENCE_SECONDS = 45; // three heartbeats
const POLL_SECONDS = 3;
const RETRY_SECONDS = 30;

/**
 * Follow a job from an event on.
 *
 * @param after the number of the last event that is known already
 * @param hear called with each event, once and in order
 * @param report called with `live`, `connecting`, `polling`, `paused` or `ended`
 * @returns {stop}
 */
export function follow(jobId, after, hear, report) {
  let last = after;
  let source = null;
  let leavePlace = null;
  let opening = 0;
  let timers = [];
  let done = false;
  let paused = false;

  function take(event) {
    if (done || event.seq <= last) return;
    last = event.seq;
    hear(event);
    if (event.type === "end") finish("ended");
  }

  async function open() {
    close();
    if (done || document.hidden) return;
    report("connecting");
    const mine = ++opening;
    const free = await takePlace(fallBack);
    if (mine !== opening) return void free?.();
    if (!free) return fallBack();
    leavePlace = free;
    connect();
  }

  function connect() {
    source = new EventSource(`/v1/jobs/${jobId}/stream?after_seq=${last}`);
    source.onopen = () => report("live");
    source.onerror = () => (source.readyState === EventSource.CLOSED ? fallBack() : report("connecting"));
    for (const type of TYPES) {
      source.addEventListener(type, (message) => {
        watch();
        take(JSON.parse(message.data));
      });
    }
    source.addEventListener("heartbeat", watch);
    watch();
  }

  /** A connection that is silent for longer than three heartbeats is dead, whatever the browser believes. */
  function watch() {
    timers.forEach(clearTimeout);
    timers = [setTimeout(open, 1000 * SILENCE_SECONDS)];
  }

  function fallBack() {
    close();
    report("polling");
    timers = [setTimeout(open, 1000 * RETRY_SECONDS)];
    ask();
  }

  async function ask() {
    try {
      const page = await get(`/v1/jobs/${jobId}/events`, { query: { after_seq: last, limit: 1000 } });
      page.data.forEach(take);
    } catch (problem) {
      if (problem.status === 401 || problem.status === 404) return finish("ended");
    }
    if (!done && !source && !document.hidden) timers.push(setTimeout(ask, 1000 * POLL_SECONDS));
  }

  function close() {
    opening += 1;
    timers.forEach(clearTimeout);
    timers = [];
    source?.close();
    source = null;
    leavePlace?.();
    leavePlace = null;
  }

  function look() {
    if (document.hidden) {
      close();
      paused = true;
      report("paused");
    } else if (paused) {
      paused = false;
      open();
    }
  }

  function finish(state) {
    done = true;
    close();
    document.removeEventListener("visibilitychange", look);
    if (state) report(state);
  }

  paused = document.hidden;
  document.addEventListener("visibilitychange", look);
  open();
  return { stop: () => finish(null) };
}
