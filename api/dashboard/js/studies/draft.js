/** The study spec that is being written, as text and as what it says, kept over a reload of the page. */

import { keep, kept } from "../lib/kept.js";
import { idempotencyKey } from "../net/api.js";

const KEPT = "distillery.study";

/** Beginnings: questions that are often asked. */
const BASE = {
  dataset: { name: "digits" },
  teacher: { architecture: "resnet20", train: { epochs: 12 } },
  student: { architecture: "resnet8", width: 0.5 },
  training: { epochs: 20, batch_size: 64 },
};
const { teacher: _, ...BARE } = BASE;

export const BEGINNINGS = {
  methods: {
    name: "digits-methods", question: "Which method?", base: BASE,
    arms: [
      { name: "alone", changes: { method: "student-alone", teacher: null } },
      { name: "hinton", changes: { method: "hinton" } },
      { name: "fitnet", changes: { method: "fitnet" } },
    ],
    seeds: 5, reference: "alone",
  },
  luck: { name: "digits-luck", question: "Is it luck?", base: { ...BASE, method: "hinton", baseline: true }, seeds: 5 },
  grid: {
    name: "digits-grid", question: "Which temperature and which learning rate?", base: { ...BASE, method: "hinton" },
    grid: { "/method/temperature": [1, 4, 8], "/training/optimizer/lr": [0.05, 0.1] }, seeds: 3,
    stop_early: { factor: 3, first: 1 },
  },
  pilot: {
    name: "digits-pilot", kind: "pilot", question: "Is hinton worth its time here?", base: { ...BASE, method: "hinton" },
    share: { data: 0.25, epochs: 0.25 }, threshold: 0.005, seeds: 3,
  },
  teachers: {
    name: "digits-teachers", kind: "teacher-ranking", question: "Which teacher teaches best?", base: { ...BARE, method: "hinton" },
    teachers: ["resnet20", "resnet56"].map((architecture) => ({ architecture, train: { epochs: 12 } })),
    share: { data: 1, epochs: 0.25 }, seeds: 3,
  },
};

const written = (spec) => JSON.stringify(spec, null, 2);

export class StudyDraft {
  /** @param origin what the draft began with; another page of the same address finds it again by that */
  constructor(origin) {
    Object.assign(this, { origin, sent: { text: null, key: null }, listener: () => {} });
    this.#take(written(BEGINNINGS.methods));
  }

  /** Take up what an earlier page of this address has left. Gives whether there was something. */
  restore() {
    const found = kept(KEPT);
    if (found?.origin !== this.origin) return false;
    this.#take(found.text);
    return true;
  }

  /** Begin anew with a document. */
  begin(spec) {
    this.read(written(spec));
  }

  /** Take what was written; the spec stays what it was while the text is no JSON object. */
  read(text) {
    this.#take(text);
    keep(KEPT, { origin: this.origin, text });
    this.listener();
  }

  #take(text) {
    this.text = text;
    this.fault = null;
    try {
      const spec = JSON.parse(text);
      if (spec === null || typeof spec !== "object" || Array.isArray(spec)) this.fault = { code: "object" };
      else this.spec = spec;
    } catch (error) {
      this.fault = { code: "json", reason: error.message };
    }
  }

  /** The key under which this text is sent, however often. */
  key() {
    if (this.sent.text !== this.text) this.sent = { text: this.text, key: idempotencyKey() };
    return this.sent.key;
  }

  /** It was submitted, or is given up. */
  forget() {
    keep(KEPT, null);
  }
}
