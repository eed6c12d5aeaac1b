/** An order that is sent again after a lost connection is one order; once it was taken, the same words are another one. */

import { idempotencyKey, post } from "./api.js";

/** Gives a function that posts a body to a path, under one key until the service has taken it. */
export function once() {
  let sent = null;
  return async (path, body) => {
    const content = JSON.stringify([path, body]);
    if (sent?.content !== content) sent = { content, key: idempotencyKey() };
    const made = await post(path, body, { "Idempotency-Key": sent.key });
    sent = null;
    return made;
  };
}
