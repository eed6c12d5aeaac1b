/** What can be said of a few runs: mean, standard deviation, an interval by Student's t, and the Pareto front. */

const CONFIDENCE = 0.95;
const HALVINGS = 60;

/** Runs without which no interval is given: two differ by chance alone, and one not at all. */
export const ENOUGH = 3;

/** The mean, or null of nothing. */
export function mean(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

/** The standard deviation of a sample (n − 1), or null of fewer than two. */
export function deviation(values) {
  if (values.length < 2) return null;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** The ends of the confidence interval of a mean by Student's t, or null of fewer than three values. */
export function interval(values, confidence = CONFIDENCE) {
  if (values.length < ENOUGH) return null;
  const reach = (quantile(confidence, values.length - 1) * deviation(values)) / Math.sqrt(values.length);
  return [mean(values) - reach, mean(values) + reach];
}

/** The t between −t and t of which Student's distribution has this share; `freedom` is a whole number. */
export function quantile(share, freedom) {
  let [low, high] = [0, Math.PI / 2];
  for (let turn = 0; turn < HALVINGS; turn += 1) {
    const middle = (low + high) / 2;
    if (within(middle, freedom) < share) low = middle;
    else high = middle;
  }
  return Math.sqrt(freedom) * Math.tan(low);
}

/** The share between −t and t for t = √freedom · tan(angle): the closed sums of Abramowitz and Stegun, 26.7.3 and 26.7.4. */
function within(angle, freedom) {
  const odd = freedom % 2 === 1;
  const square = Math.cos(angle) ** 2;
  let term = odd ? Math.cos(angle) : 1;
  let sum = 0;
  for (let power = odd ? 3 : 2; power <= freedom; power += 2) {
    sum += term;
    term *= (square * (power - 1)) / power;
  }
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}

/**
 * The points that no other point beats, from the cheapest on: none costs less and scores as well, or costs as much and
 * scores better.
 *
 * @param points each with a `cost`, of which less is better, and a `score`
 */
export function front(points, higherIsBetter = true) {
  const sign = higherIsBetter ? 1 : -1;
  const beats = (one, other) => one.cost <= other.cost && sign * one.score >= sign * other.score
    && (one.cost < other.cost || one.score !== other.score);
  return points.filter((point) => !points.some((other) => beats(other, point))).sort((a, b) => a.cost - b.cost || sign * (b.score - a.score));
}
