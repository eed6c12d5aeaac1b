/** The log of an attempt: live while it runs, else from its end; searched, wrapped and downloaded. */

import { h, redraw } from "../lib/dom.js";
import { bytes, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { TextFile } from "../net/textfile.js";
import { icon } from "../ui/icons.js";
import { problemNotice } from "../ui/notice.js";
import { told } from "./story.js";
import { Finder } from "./find.js";

const LIVE = "live";
const DEPTH = 24;

/** Nothing is shown of a job that nobody has worked on. */
export const hasLog = (state) => state.job.attempt > 0;

export function log(state) {
  const panel = new LogPanel(state);
  return { element: panel.element, update: () => panel.update(), stop: () => panel.leave() };
}

class LogPanel {
  constructor(state) {
    this.state = state;
    this.left = new AbortController();
    this.file = null;
    this.source = null;
    this.lines = h("ol", { class: "logtext", tabindex: 0, "aria-label": t("log.title") });
    this.finder = new Finder(this.lines);
    this.sources = h("select", { "aria-label": t("log.source"), on: { change: () => this.open(this.sources.value) } });
    this.download = h("span");
    this.trouble = h("div");
    this.note = h("p", { class: "note" });
    this.older = this.#part("older", t("log.older"));
    this.newer = this.#part("newer", t("log.newer"));
    this.element = h("section", { class: "panel log" },
      h("header", {}, h("h3", {}, t("log.title")), this.sources, this.#wrap(), this.download), this.finder.element, this.trouble, this.older, this.lines, this.newer, this.note);
  }

  #part(which, words) {
    return h("button", { class: "button small", type: "button", hidden: true, on: { click: () => this.read(which) } }, words);
  }

  #wrap() {
    const box = h("input", { type: "checkbox", checked: true, on: { change: () => this.lines.classList.toggle("unwrapped", !box.checked) } });
    return h("label", { class: "check" }, box, t("log.wrap"));
  }

  update() {
    const { attempts, job } = this.state;
    const kept = attempts.filter((attempt) => attempt.log_url);
    const running = attempts.some((attempt) => !attempt.ended_at);
    const options = [...(running || !kept.length ? [[LIVE, t("log.live")]] : []), ...kept.map(({ number, log_bytes: size }) => [String(number), t("log.attempt", { n: number, size: bytes(size ?? 0) })])];
    redraw(this.sources, options, () => options.map(([value, words]) => h("option", { value }, words)));
    this.sources.hidden = options.length < 2;
    const still = options.some(([value]) => value === this.source);
    if (!still || (this.source === LIVE && options[0][0] !== LIVE)) this.open(options[0][0]);
    this.sources.value = this.source;
    redraw(this.download, [this.source, job.id], () => this.#link());
    if (this.source === LIVE) this.#follow();
  }

  #attempt() {
    return this.state.attempts.find(({ number }) => String(number) === this.source);
  }

  #link() {
    const attempt = this.#attempt();
    return attempt && h("a", { class: "button small", href: attempt.log_url, download: `${this.state.id}-attempt-${attempt.number}.log` }, icon("download"), t("log.download"));
  }

  /** Show another log, from its end. */
  open(source) {
    this.source = source;
    this.seen = 0;
    this.file = null;
    this.lines.replaceChildren();
    this.older.hidden = this.newer.hidden = true;
    this.lines.hidden = this.finder.element.hidden = false;
    redraw(this.note, source, () => (source === LIVE ? t("log.liveNote") : ""));
    const attempt = this.#attempt();
    if (!attempt) return this.update();
    this.file = new TextFile(attempt.log_url, attempt.log_bytes ?? 0);
    return this.file.size ? this.read("older") : this.#show();
  }

  async read(which) {
    const { file } = this;
    const anchor = which === "older" ? this.lines.scrollHeight - this.lines.scrollTop : null;
    const first = !file.lines.length;
    this.older.disabled = this.newer.disabled = true;
    try {
      await file[which](this.left.signal);
      redraw(this.trouble, null, () => null);
    } catch (problem) {
      if (!this.left.signal.aborted) redraw(this.trouble, [problem.message, Date.now()], () => problemNotice(problem));
    }
    this.older.disabled = this.newer.disabled = false;
    if (file !== this.file || this.left.signal.aborted) return;
    this.#show();
    if (first) this.lines.scrollTop = this.lines.scrollHeight;
    else if (anchor !== null) this.lines.scrollTop = this.lines.scrollHeight - anchor;
  }

  #show() {
    const { file } = this;
    this.lines.replaceChildren(...file.lines.map(({ text }) => draw(text)));
    this.older.hidden = !file.hasOlder;
    this.newer.hidden = !file.hasNewer;
    redraw(this.note, [file.lines.length, file.size], () => (file.size ? t("log.shown", { n: whole(file.lines.length), all: bytes(file.size) }) : t("log.empty")));
    this.lines.hidden = this.finder.element.hidden = !file.size;
    this.finder.refresh();
  }

  /** Put what the stream has brought below what is there, and stay at the end if that is where the reader is. */
  #follow() {
    const fresh = this.state.events.filter(({ seq }) => seq > this.seen);
    if (!fresh.length) return;
    const atEnd = this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < DEPTH;
    this.seen = fresh.at(-1).seq;
    const said = fresh.flatMap(told).map(({ at, kind, text }) => `${at} ${kind} ${text}`);
    this.lines.append(...said.map(draw));
    if (atEnd) this.lines.scrollTop = this.lines.scrollHeight;
    if (said.length) this.finder.refresh();
  }

  leave() {
    this.left.abort();
  }
}

const LEVEL = /^\S+Z (warning|error)\b/;

const draw = (text) => h("li", { class: LEVEL.exec(text)?.[1] }, text);
