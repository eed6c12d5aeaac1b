/** The newest events of a job without reading all of its story: numbers have no gaps, so the end can be searched for. */

import { get } from "./api.js";

const PAGE = 1000;
const NEAR = 500;

/** The last events of a job, oldest first: all of a short story, and at least the last few hundred of a long one. */
export async function latestEvents(jobId, signal) {
  const page = (after, limit) => get(`/v1/jobs/${jobId}/events`, { signal, query: { after_seq: after, limit } });
  const first = await page(0, PAGE);
  if (!first.has_more) return first.data;
  let [low, high] = [PAGE, 2 * PAGE];
  while ((await page(high, 1)).data.length) [low, high] = [high, 2 * high];
  while (high - low > NEAR) {
    const middle = Math.floor((low + high) / 2);
    if ((await page(middle, 1)).data.length) low = middle;
    else high = middle;
  }
  return (await page(Math.max(0, low - (PAGE - NEAR)), PAGE)).data;
}
