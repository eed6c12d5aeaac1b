/** What a job may name, as the server knows it: data, networks, models, methods, and the schema of the spec. */

import { get } from "../net/api.js";
import { everything } from "../net/listing.js";

const OF_TEXTS = "tokens";

/** Task -> the kinds of networks that do it; every other task is done by the first two. */
const KINDS = { detection: ["detector"], generation: ["generator"] };

/** Read everything that the choices are made from. */
export async function known(signal) {
  const [schema, builtin, brought, architectures, models, methods] = await Promise.all([
    get("/v1/schema/job", { signal }),
    ...["/v1/datasets:builtin", "/v1/datasets", "/v1/architectures", "/v1/models", "/v1/methods"].map((path) => everything(path, {}, signal)),
  ]);
  return new Known({ schema, builtin, brought: brought.filter(usable), architectures, models: models.filter(usable), methods });
}

const usable = (thing) => thing.latest !== null;

class Known {
  constructor(lists) {
    Object.assign(this, lists);
    this.read = new Map();
  }

  method(name) {
    return this.methods.find((method) => method.name === name) ?? null;
  }

  /** One architecture, also of a family's pattern; null where there is none of this name. */
  async architecture(name) {
    const listed = this.architectures.find((one) => one.name === name);
    return listed ?? this.#once(`/v1/architectures/${name}`).then((found) => found.info, () => null);
  }

  /** The versions of a dataset or model that can be used, newest first. */
  async versions(thing) {
    const found = await this.#once(`${thing.urls.versions}?limit=100`);
    return found.data.filter((version) => version.status === "ready");
  }

  /** `{task, input, train}` of what a spec's dataset holds, with the number of examples to train on, or null where it is not known. */
  async holds({ name, id, version } = {}) {
    const builtin = this.builtin.find((one) => one.name === name);
    if (builtin) return { task: "classification", input: "image", train: builtin.train };
    const dataset = this.brought.find((one) => one.id === id);
    if (!dataset) return null;
    const { card } = await this.#once(`${dataset.urls.versions}/${version ?? dataset.latest}`);
    return card && { task: card.task, input: card.input.kind, train: card.splits.train.count };
  }

  /** Architectures for such data. */
  fitting(holds) {
    return holds ? this.architectures.filter(({ input, tasks }) => input === holds.input && tasks.includes(holds.task)) : this.architectures;
  }

  /** A teacher and a student of one family for such data: its smallest one, and one that is two sizes larger. */
  pair(holds) {
    const families = Map.groupBy(this.fitting(holds), ({ family }) => family);
    const family = [...families.values()].find((members) => members.length > 2) ?? [...families.values()][0] ?? [];
    const [student, , teacher] = [...family].sort((one, other) => one.parameters - other.parameters);
    return { student: student?.name, teacher: (teacher ?? student)?.name };
  }

  #once(path) {
    if (!this.read.has(path)) this.read.set(path, get(path));
    return this.read.get(path);
  }
}

/** Whether a method trains networks that such data is given to. */
export function fits(method, holds) {
  if (!holds) return true;
  const kinds = KINDS[holds.task] ?? (holds.input === OF_TEXTS ? ["transformer"] : ["convolutional", "transformer"]);
  return method.kinds.some((kind) => kinds.includes(kind));
}

/** The group that a method is listed in, by what it asks for and where it looks. */
export function groupOf({ needs, kinds, pieces, formula }) {
  const has = (room) => pieces.some((piece) => piece.room === room);
  if (kinds.length === 1 && kinds[0] !== "convolutional") return kinds[0];
  if (!needs.includes("teacher")) return "alone";
  if (has("balance")) return "balance";
  if (formula.some((line) => line.startsWith("network "))) return "networks";
  return formula.some((line) => line.includes(" at ")) ? "features" : "answers";
}
