/** Where the project is told of its jobs: the list of endpoints, or the one that the address names. */

import { endpointPage } from "../webhooks/endpoint.js";
import { endpointList } from "../webhooks/list.js";

export function enter(main) {
  const id = new URLSearchParams(location.search).get("endpoint");
  return id ? endpointPage(main, id) : endpointList(main);
}
