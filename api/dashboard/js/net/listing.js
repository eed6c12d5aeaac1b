/** What a table shows of a keyset list: a page more is read from where the last one ended, a refresh from the top. */

import { get } from "./api.js";

const LARGEST = 100;

/** A list of the service behind a table, for one set of filters. */
export class Listing {
  /** @param path of the list; `query` its filters; `page` how many rows more each time */
  constructor(path, query = {}, page = 25) {
    Object.assign(this, { path, query, page });
    this.wanted = page;
    this.items = null;
    this.hasMore = false;
    this.next = null;
    this.grows = false;
  }

  /** Show one page more at the next refresh. */
  more() {
    this.wanted = (this.items?.length ?? 0) + this.page;
    this.grows = this.next !== null;
  }

  /** Read everything that is shown again; or, when more was asked for, what comes after it. */
  async refresh(signal) {
    const items = this.grows ? [...this.items] : [];
    let after = this.grows ? this.next : null;
    do {
      const limit = Math.min(LARGEST, this.wanted - items.length);
      const found = await get(this.path, { signal, query: { ...this.query, limit, after } });
      items.push(...found.data);
      this.hasMore = found.has_more;
      after = found.next_cursor;
    } while (this.hasMore && items.length < this.wanted);
    Object.assign(this, { items, next: after, grows: false });
  }
}

/** Every item of a list that is known to be short. */
export async function everything(path, query = {}, signal = undefined) {
  const items = [];
  let after = null;
  do {
    const found = await get(path, { signal, query: { ...query, limit: LARGEST, after } });
    items.push(...found.data);
    after = found.has_more ? found.next_cursor : null;
  } while (after);
  return items;
}
