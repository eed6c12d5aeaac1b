/** How fast bytes move: over the last seconds, so that a pause is not averaged in for ever. */

const WINDOW_MS = 6000;
const LEAST_MS = 500;

export class Speed {
  constructor() {
    this.reset();
  }

  reset() {
    this.samples = [];
  }

  /** So many bytes are there now. */
  at(done, now = performance.now()) {
    this.samples.push([now, done]);
    while (this.samples.length > 2 && now - this.samples[0][0] > WINDOW_MS) this.samples.shift();
  }

  /** Bytes a second; 0 while that cannot be told. */
  get value() {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (!first || last[0] - first[0] < LEAST_MS) return 0;
    return Math.max(0, (1000 * (last[1] - first[1])) / (last[0] - first[0]));
  }
}
