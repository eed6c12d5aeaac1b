/** One file on its way: its bar, how fast it goes, what stands in the way; it can be paused and taken back. */

import { h, fill, redraw } from "../lib/dom.js";
import { bytes, percent, roughly } from "../lib/format.js";
import { t } from "../lib/text.js";
import { remove } from "../net/api.js";
import { announce } from "../ui/announce.js";
import { icon } from "../ui/icons.js";
import { problemText } from "../ui/notice.js";
import { plainBar } from "../ui/progress.js";
import { Speed } from "./speed.js";
import { send } from "./upload.js";

const ICONS = { waiting: "queued", sending: "running", paused: "paused", failed: "failed", arrived: "succeeded" };
const TONES = { sending: "live", paused: "warn", failed: "bad", arrived: "good" };
const REDRAW_MS = 200;

/**
 * @param source what is sent, of `sources.js`
 * @param line puts a sending behind those that go on; `changed` is called when the file has arrived; `gone` when it was taken back
 */
export function row(source, { line, changed, gone }) {
  const file = { state: "waiting", done: 0, upload: null, trouble: null };
  const speed = new Speed();
  const [sign, bar, text, buttons] = ["sign", "", "note", "acts"].map((name) => h("div", { class: name }));
  const element = h("li", {}, h("div", { class: "what" }, h("strong", {}, source.name), sign), buttons, bar, text);
  let [stopping, settle, result, drawing] = [null, null, null, null];

  function start() {
    result = new Promise((...ends) => (settle = ends));
    result.catch(() => {}); // whoever waits for the file hears of it
    const mine = (stopping = new AbortController());
    become("waiting");
    line(() => run(mine));
  }

  async function run(mine) {
    if (mine.signal.aborted) return;
    speed.reset();
    become("sending");
    try {
      arrive(await send(source, { signal: mine.signal, progress }));
    } catch (problem) {
      if (!mine.signal.aborted) fail(problem);
    }
  }

  function progress({ upload, done, trouble }) {
    speed.at(done);
    Object.assign(file, { upload, done, trouble });
    drawing ??= setTimeout(draw, REDRAW_MS);
  }

  function arrive(upload) {
    Object.assign(file, { upload, done: source.blob.size, trouble: null });
    become("arrived");
    announce(t("upload.arrivedSays", { name: source.name }));
    settle[0](upload.id);
    changed();
  }

  function fail(problem) {
    file.trouble = problem.code === undefined ? { message: t("upload.unreadable") } : problem;
    become("failed");
    announce(t("upload.failedSays", { name: source.name }));
    settle[1](file.trouble);
  }

  function pause() {
    stopping.abort();
    file.trouble = null;
    become("paused");
    settle[1]({ message: t("upload.paused") });
  }

  /** Take it back: what has come of it is forgotten, unless it is whole, because others may name it then. */
  function take() {
    stop();
    if (file.upload?.status === "open") remove(`/v1/uploads/${file.upload.id}`).catch(() => {}); // it ends by itself, too
    gone();
  }

  function stop() {
    stopping?.abort();
    clearTimeout(drawing);
  }

  function become(state) {
    file.state = state;
    draw();
  }

  function draw() {
    clearTimeout(drawing);
    drawing = null;
    const { state, done, trouble } = file;
    const share = source.blob.size ? done / source.blob.size : Number(state === "arrived");
    redraw(sign, state, () => h("span", { class: `badge ${TONES[state] ?? ""}` }, icon(ICONS[state], state === "sending" ? "turning" : ""), t(`upload.is.${state}`)));
    redraw(buttons, state, () => actions(state));
    redraw(bar, [share, state], () => state !== "arrived" && plainBar(100 * share, t("upload.progress", { name: source.name }), state !== "sending"));
    fill(text, trouble ? t(state === "failed" ? "upload.failed" : "upload.troubled", { why: problemText(trouble) }) : story(state, share));
  }

  function story(state, share) {
    const total = bytes(source.blob.size);
    if (state === "arrived" || state === "waiting") return t(source.files > 1 ? "upload.sizeOf" : "upload.size", { total, n: source.files });
    const values = { done: bytes(file.done), total, share: percent(share, 0), speed: bytes(speed.value), time: roughly((source.blob.size - file.done) / speed.value) };
    return t(state === "sending" && speed.value > 0 ? "upload.going" : "upload.stands", values);
  }

  function actions(state) {
    const button = (name, drawn, click) => h("button", { class: "button small", type: "button", on: { click },
      "aria-label": t(`upload.do.${name}Of`, { name: source.name }) }, icon(drawn), t(`upload.do.${name}`));
    return [
      state === "sending" && button("pause", "pause", refocus(pause)),
      (state === "paused" || state === "failed") && button("go", "play", refocus(start)),
      button("take", "cross", take),
    ];
  }

  /** The button that was pressed is gone then; the one in its place gets the focus. */
  function refocus(act) {
    return () => {
      act();
      buttons.querySelector("button").focus();
    };
  }

  return { element, name: source.name, start, stop, remove: take, arrived: () => result };
}
