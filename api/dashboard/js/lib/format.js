/** Numbers as people read them: with a unit, sensible precision, and a sign where they are differences. */

export const NONE = "–";
const SPACE = "\u00a0";
const MINUS = "\u2212";

const known = (value) => typeof value === "number" && Number.isFinite(value);

/** `93.4 %` of 0.934. */
export function percent(share, digits = 1) {
  return known(share) ? `${(100 * share).toFixed(digits)}${SPACE}%` : NONE;
}

/** `92.1–94.6 %` of [0.921, 0.946]. */
export function between(interval) {
  return interval ? `${(100 * interval[0]).toFixed(1)}–${(100 * interval[1]).toFixed(1)}${SPACE}%` : NONE;
}

/** `+1.2` or `−1.2`, and `0.0` for what rounds to nothing. */
export function signed(value, digits = 1) {
  if (!known(value)) return NONE;
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? MINUS : "+") + text;
}

/** A difference of shares in percentage points: `+4.2 points`. */
export function points(share) {
  return known(share) ? `${signed(100 * share)}${SPACE}points` : NONE;
}

/** `0.27 M`, `20 k`, `4.1 G` or `640`. */
export function count(value) {
  if (!known(value)) return NONE;
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= size || (unit === "M" && value >= 1e5)) return `${short(value / size)}${SPACE}${unit}`;
  }
  return String(value);
}

/** `1,040` of a whole number. */
export function whole(value) {
  return known(value) ? Math.round(value).toLocaleString("en") : NONE;
}

/** `1.1 MB` of a number of bytes. */
export function bytes(value) {
  if (!known(value)) return NONE;
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (value >= size) return `${short(value / size)}${SPACE}${unit}`;
  }
  return `${value}${SPACE}B`;
}

/** `3.2 ms`, `0.055 ms`. */
export function milliseconds(value) {
  return known(value) ? `${short(value)}${SPACE}ms` : NONE;
}

/** `13×`, `4.1×`. */
export function times(ratio) {
  return known(ratio) ? `${short(ratio)}×` : NONE;
}

/** A loss: three significant digits. */
export function loss(value) {
  if (!known(value)) return NONE;
  const text = Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? value.toPrecision(3) : value.toExponential(1);
  return text.replace("-", MINUS);
}

/** `< 1 s`, `42 s`, `3 min 05 s`, `2 h 07 min` or `3 d 4 h`. */
export function duration(seconds) {
  if (!known(seconds)) return NONE;
  if (seconds < 1) return `<${SPACE}1${SPACE}s`;
  const all = Math.round(seconds);
  if (all < 60) return `${all}${SPACE}s`;
  if (all < 3600) return `${Math.floor(all / 60)}${SPACE}min ${two(all % 60)}${SPACE}s`;
  const minutes = Math.round(all / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}${SPACE}h ${two(minutes % 60)}${SPACE}min`;
  return `${Math.floor(minutes / 1440)}${SPACE}d ${Math.floor((minutes % 1440) / 60)}${SPACE}h`;
}

/** A time to come, no finer than can be known: `40 s`, `6 min`, `2 h 10 min`. */
export function roughly(seconds) {
  if (!known(seconds)) return NONE;
  if (seconds < 90) return `${Math.max(5, 5 * Math.round(seconds / 5))}${SPACE}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}${SPACE}min`;
  return duration(60 * (minutes < 180 ? 5 : 15) * Math.round(minutes / (minutes < 180 ? 5 : 15)));
}

/** The largest unit of a time gone by: `12 s`, `5 min`, `3 h`, `2 d`. */
export function age(seconds) {
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)}${SPACE}${unit}`;
  }
  return `${Math.max(0, Math.floor(seconds))}${SPACE}s`;
}

/** Seconds since an RFC 3339 time. */
export function since(time, now = Date.now()) {
  return (now - Date.parse(time)) / 1000;
}

/** A moment in the reader's own time zone: day and time. */
export function moment(time) {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" }).format(new Date(time));
}

/** The time of the day, `14:32` or with `seconds` `14:32:05`. */
export function clock(time, seconds = false) {
  return new Date(time).toLocaleTimeString("en-GB", seconds ? {} : { hour: "2-digit", minute: "2-digit" });
}

/** Two significant digits below one, one decimal below ten, whole numbers from there on. */
function short(value) {
  const size = Math.abs(value);
  if (size >= 9.95) return value.toFixed(0);
  return size < 1 ? value.toPrecision(2) : value.toFixed(1);
}

const two = (value) => String(value).padStart(2, "0");
