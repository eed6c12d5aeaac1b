/** Numbers as people read them: with a unit, sensible precision, and a sign where they are differences. */

import { locale, t } from "./text.js";

export const NONE = "–";
const SPACE = "\u00a0";
const MINUS = "\u2212";

const known = (value) => typeof value === "number" && Number.isFinite(value);

/** `93.4 %` of 0.934. */
export function percent(share, digits = 1) {
  return known(share) ? `${plain(100 * share, digits)}${SPACE}%` : NONE;
}

/** `92.1–94.6 %` of [0.921, 0.946]. */
export function between(interval) {
  return interval ? `${plain(100 * interval[0], 1)}–${plain(100 * interval[1], 1)}${SPACE}%` : NONE;
}

/** `+1.2` or `−1.2`, and `0.0` for what rounds to nothing. */
export function signed(value, digits = 1) {
  if (!known(value)) return NONE;
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? MINUS : "+") + text;
}

/** A difference of shares in percentage points: `+4.2 points`. */
export function points(share) {
  return known(share) ? t("unit.points", { n: signed(100 * share) }) : NONE;
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
  return known(value) ? Math.round(value).toLocaleString(locale) : NONE;
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
  if (seconds < 1) return t("unit.second", { n: `<${SPACE}1` });
  const all = Math.round(seconds);
  if (all < 60) return t("unit.second", { n: all });
  if (all < 3600) return `${t("unit.minute", { n: Math.floor(all / 60) })} ${t("unit.second", { n: two(all % 60) })}`;
  const minutes = Math.round(all / 60);
  if (minutes < 1440) return `${t("unit.hour", { n: Math.floor(minutes / 60) })} ${t("unit.minute", { n: two(minutes % 60) })}`;
  return `${t("unit.day", { n: Math.floor(minutes / 1440) })} ${t("unit.hour", { n: Math.floor((minutes % 1440) / 60) })}`;
}

/** A time to come, no finer than can be known: `40 s`, `6 min`, `2 h 10 min`. */
export function roughly(seconds) {
  if (!known(seconds)) return NONE;
  if (seconds < 90) return t("unit.second", { n: Math.max(5, 5 * Math.round(seconds / 5)) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("unit.minute", { n: minutes });
  return duration(60 * (minutes < 180 ? 5 : 15) * Math.round(minutes / (minutes < 180 ? 5 : 15)));
}

/** The largest unit of a time gone by: `12 s`, `5 min`, `3 h`, `2 d`. */
export function age(seconds) {
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= size) return t(`unit.${unit}`, { n: Math.floor(seconds / size) });
  }
  return t("unit.second", { n: Math.max(0, Math.floor(seconds)) });
}

/** Seconds since an RFC 3339 time. */
export function since(time, now = Date.now()) {
  return (now - Date.parse(time)) / 1000;
}

/** A moment in the reader's own time zone: day and time. */
export function moment(time) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(time));
}

/** A day in the reader's own time zone. */
export function date(time) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(time));
}

/** The time of the day, `14:32` or with `seconds` `14:32:05`. */
export function clock(time, seconds = false) {
  return new Date(time).toLocaleTimeString(locale, seconds ? {} : { hour: "2-digit", minute: "2-digit" });
}

/** Two significant digits below one, one decimal below ten, whole numbers from there on. */
function short(value) {
  const size = Math.abs(value);
  if (size >= 9.95) return value.toFixed(0);
  return size < 1 ? value.toPrecision(2) : value.toFixed(1);
}

const plain = (value, digits) => value.toFixed(digits).replace("-", MINUS);
const two = (value) => String(value).padStart(2, "0");
