/** One job, live: everything on the page is drawn from one state, and one stream of events keeps that up to date. */

import { h, fill } from "../lib/dom.js";
import { percent } from "../lib/format.js";
import { t } from "../lib/text.js";
import { follow } from "../net/live.js";
import { announce } from "../ui/announce.js";
import { load } from "../ui/load.js";
import { showOffline } from "../ui/shell.js";
import { isFinal } from "../ui/status.js";
import { answers } from "../job/answers.js";
import { attempts } from "../job/attempts.js";
import { header } from "../job/header.js";
import { evidence, records } from "../job/panels.js";
import { contents } from "../job/sections.js";
import { JobState } from "../job/state.js";
import { timeline } from "../job/timeline.js";
import { trouble } from "../job/trouble.js";
import { verdict } from "../job/verdict.js";
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
    const read = (signal) => this.state.load(signal).then(() => true);
    if (!(await load(this.main, read, this.left.signal, { heading: t("job.missing"), text: t("job.missingText") }))) return;
    this.draw();
    this.listen();
    this.fetchSeries();
    document.addEventListener("visibilitychange", this.look);
    this.ticking = setInterval(() => document.hidden || isFinal(this.state.job.status) || this.update(), TICK_MS);
  }

  /** Read what the charts show, behind the page that is there already. */
  async fetchSeries() {
    try {
      await this.state.loadSeries(this.left.signal);
      this.update();
    } catch (problem) {
      if (!this.left.signal.aborted && problem.status !== 401) setTimeout(() => this.fetchSeries(), RETRY_MS);
    }
  }

  draw() {
    const { state } = this;
    const distils = state.job.kind === "distillation";
    const head = header(state, () => this.refresh());
    const [attention, phases, tries] = [trouble(state), timeline(state), attempts(state)];
    const first = distils ? [answers(state), verdict(state)] : [];
    const sections = [...(distils ? evidence(state) : []), ...records(state)];
    const links = contents(sections);
    this.parts = [head, attention, ...first, phases, tries, ...sections, links];
    fill(this.main, h("div", { class: "stack" }, head.element, attention.element,
      distils && h("div", { class: "screen" }, first.map(({ element }) => element)),
      h("section", { class: "panel flat" }, phases.element, tries.element),
      links.element, sections.map(({ element }) => element)));
    for (const part of this.parts) part.update();
    this.main.querySelector("h1").tabIndex = -1;
    this.main.querySelector("h1").focus({ preventScroll: true });
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
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
      await this.state.load(this.left.signal).catch((problem) => this.missed(problem));
      if (this.left.signal.aborted) return;
      this.listen();
      this.fetchSeries();
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
