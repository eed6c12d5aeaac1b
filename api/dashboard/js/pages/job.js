/** One job, live: everything on the page is drawn from one state, and one stream of events keeps that up to date. */

import { h, fill } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { t } from "../lib/text.js";
import { follow } from "../net/live.js";
import { announce } from "../ui/announce.js";
import { problemNotice } from "../ui/notice.js";
import { showOffline } from "../ui/shell.js";
import { isFinal } from "../ui/status.js";
import { accuracyChart } from "../job/accuracy.js";
import { answers } from "../job/answers.js";
import { artifacts } from "../job/artifacts.js";
import { compression } from "../job/compression.js";
import { header } from "../job/header.js";
import { lossChart } from "../job/losses.js";
import { spec } from "../job/spec.js";
import { JobState } from "../job/state.js";
import { story } from "../job/story.js";
import { timeline } from "../job/timeline.js";
import { trouble } from "../job/trouble.js";
import { verdict } from "../job/verdict.js";
import { missing } from "./missing.js";
import { title } from "../router.js";

const RETRY_MS = 3000;
const AWAY_MS = 60_000;
const TICK_MS = 1000;
const WORRY_MS = 4000;

export function enter(main, id) {
  const page = new JobPage(main, id);
  page.begin();
  return () => page.leave();
}

class JobPage {
  constructor(main, id) {
    this.main = main;
    this.state = new JobState(id);
    this.left = new AbortController();
    this.stream = null;
    this.parts = [];
    this.hiddenAt = null;
  }

  /** Read the job, draw the page, and follow the job from there on. */
  async begin() {
    title(t("job.title"));
    fill(this.main, h("h1", { class: "hidden" }, t("job.loading")), h("div", { class: "stack loading", "aria-busy": "true" },
      h("div", { class: "skeleton" }), h("div", { class: "panel skeleton tall" }), h("div", { class: "panel skeleton tall" })));
    if (!(await this.load())) return;
    this.draw();
    this.listen();
    document.addEventListener("visibilitychange", this.look);
    this.ticking = setInterval(() => document.hidden || isFinal(this.state.job.status) || this.update(), TICK_MS);
  }

  /** Read everything, again and again while the service cannot be reached. Gives whether there is something to show. */
  async load() {
    for (;;) {
      try {
        await this.state.load(this.left.signal);
        showOffline(false);
        return !this.left.signal.aborted;
      } catch (problem) {
        if (this.left.signal.aborted || problem.status === 401) return false;
        if (problem.status === 404) return void fill(this.main, missing(t("job.missing"), t("job.missingText")));
        if (problem.status === 0) showOffline(true);
        else if (!this.parts.length) fill(this.main, h("h1", {}, t("job.trouble")), problemNotice(problem));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  draw() {
    const { state } = this;
    const made = {
      header: header(state, () => this.refresh()), trouble: trouble(state), answers: answers(state), verdict: verdict(state),
      timeline: timeline(state), accuracy: accuracyChart(state), losses: lossChart(state), compression: compression(state),
      artifacts: artifacts(state), story: story(state), spec: spec(state),
    };
    this.parts = Object.values(made);
    const box = (name, ...parts) => h("div", { class: name }, parts.map((part) => part.element));
    fill(this.main, h("div", { class: "stack" }, made.header.element, made.trouble.element,
      h("div", { class: "screen" }, made.answers.element, made.verdict.element),
      h("section", { class: "panel flat" }, made.timeline.element),
      box("pair", made.accuracy, made.losses), made.compression.element, made.artifacts.element, box("pair", made.story, made.spec)));
    this.update();
    this.main.querySelector("h1").tabIndex = -1;
    this.main.querySelector("h1").focus({ preventScroll: true });
  }

  /** Draw what has changed, once before the next picture of the screen. */
  update() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.left.signal.aborted) return;
      for (const part of this.parts) part.update();
      title(headline(this.state.job));
    });
  }

  listen() {
    this.stream?.stop();
    if (isFinal(this.state.job.status)) return;
    this.stream = follow(this.state.id, this.state.lastSeq, (event) => this.hear(event), (link) => {
      this.state.link = link;
      this.worry(link === "connecting");
      this.update();
    });
  }

  /** A connection that does not come for a few seconds is news; shorter ones are not. */
  worry(yes) {
    clearTimeout(this.worrying);
    if (yes) this.worrying = setTimeout(() => showOffline(true), WORRY_MS);
    else showOffline(false);
  }

  hear(event) {
    const restarted = event.type === "status" && event.data.status === "starting" && event.data.attempt > 1;
    if (this.state.take(event)) this.refresh();
    if (event.type === "status") announce(t("job.says", { name: this.state.job.name, status: t(`status.${event.data.status}`) }));
    if (restarted || this.state.series.isLong) this.state.reloadSeries().then(() => this.update(), () => {});
    this.update();
  }

  /** Read the row again; several wishes at once are one. */
  refresh() {
    this.refreshing ??= (async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      this.refreshing = null;
      await this.state.refresh(this.left.signal).then(() => this.shown(), (problem) => this.missed(problem));
    })();
  }

  shown() {
    const { job } = this.state;
    if (job.verdict && !this.toldVerdict) announce(t("job.says", { name: job.name, status: t(`outcome.${job.verdict.outcome}`) }));
    this.toldVerdict ||= Boolean(job.verdict);
    this.update();
  }

  /** What could not be read is read later, unless the page or the session is gone. */
  missed(problem) {
    if (this.left.signal.aborted || problem.status === 401) return;
    setTimeout(() => this.refresh(), RETRY_MS);
  }

  /** Back after a long time: reading everything is quicker than hearing all that was missed. */
  look = async () => {
    if (document.hidden) {
      this.hiddenAt = Date.now();
    } else if (this.hiddenAt && Date.now() - this.hiddenAt > AWAY_MS && !isFinal(this.state.job.status)) {
      this.stream?.stop();
      if (await this.load()) this.listen();
      this.update();
    }
  };

  leave() {
    this.left.abort();
    this.stream?.stop();
    clearInterval(this.ticking);
    clearTimeout(this.worrying);
    document.removeEventListener("visibilitychange", this.look);
    for (const part of this.parts) part.stop?.();
    showOffline(false);
  }
}

/** The window's title: progress first, because that is what a narrow tab shows. */
function headline(job) {
  const running = job.status === "running" && job.progress;
  return running ? `${percent(job.progress.percent / 100, 0)} · ${job.name}` : `${t(`status.${job.status}`)} · ${job.name}`;
}
