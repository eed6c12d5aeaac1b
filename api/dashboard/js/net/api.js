/** Requests to /v1 of the service that served this page, and its refusals as one type. */

/** A refusal (RFC 9457), or with `status` 0 a service that could not be reached. */
class Problem extends Error {
  constructor(status, { detail, title, code, request_id: requestId, errors = [] } = {}) {
    super(detail || title || `HTTP ${status}`);
    Object.assign(this, { status, code: code ?? (status ? "unknown" : "offline"), requestId, errors });
  }
}

let csrfToken = null;
let signedOut = () => {};

/** Take the token that every change has to carry. */
export function useToken(token) {
  csrfToken = token;
}

/** Say what shall happen when the service no longer knows us. */
export function whenSignedOut(action) {
  signedOut = action;
}

export const get = (path, { signal, query } = {}) => request("GET", path + search(query), { signal });
export const post = (path, body, headers, signal) => request("POST", path, { body, headers, signal });
export const put = (path, body, headers) => request("PUT", path, { body, headers });
export const patch = (path, body, headers) => request("PATCH", path, { body, headers });
export const remove = (path, headers) => request("DELETE", path, { headers });

/** Put bytes; `progress` hears how many of them have left, which only the older kind of request can tell. */
export function putBytes(path, bytes, { signal, headers = {}, progress = () => {} } = {}) {
  const asked = new XMLHttpRequest();
  const abort = () => asked.abort();
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", abort);
    asked.open("PUT", path);
    for (const [name, value] of Object.entries({ Accept: "application/json", ...headers })) asked.setRequestHeader(name, value);
    if (csrfToken) asked.setRequestHeader("X-CSRF-Token", csrfToken);
    asked.upload.onprogress = (event) => progress(event.loaded);
    asked.onload = () => (asked.status < 300 ? resolve(JSON.parse(asked.responseText)) : reject(problemOf(path, asked.status, bodyOf(asked))));
    asked.onerror = () => reject(new Problem(0));
    asked.onabort = () => reject(signal?.reason ?? new Problem(0));
    asked.send(bytes);
  }).finally(() => signal?.removeEventListener("abort", abort));
}

function bodyOf({ responseText }) {
  try {
    return JSON.parse(responseText);
  } catch {
    return {};
  }
}

/** A file's bytes from one place up to another, and how large it is: `{ bytes, size }`. */
export async function getBytes(path, { signal, from = 0, to }) {
  const response = await send("GET", path, { signal, headers: { Accept: "text/plain, application/problem+json", Range: `bytes=${from}-${to - 1}` } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { bytes, size: Number(response.headers.get("Content-Range")?.split("/")[1] ?? bytes.length) };
}

/** A query string; lists become repeated parameters, and what is empty is left out. */
export function search(query = {}) {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((item) => [name, item]));
  const text = new URLSearchParams(pairs.filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return text.size ? `?${text}` : "";
}

/** A key that makes a repeated POST harmless; `crypto.randomUUID` is missing on plain HTTP. */
export function idempotencyKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function request(method, path, options) {
  const response = await send(method, path, options);
  return response.status === 204 ? null : response.json();
}

async function send(method, path, { signal, body, headers = {} }) {
  const sent = { Accept: "application/json", ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (method !== "GET" && csrfToken) sent["X-CSRF-Token"] = csrfToken;
  const response = await fetched(path, { method, signal, headers: sent, body: body && JSON.stringify(body) });
  if (response.ok) return response;
  throw problemOf(path, response.status, await response.json().catch(() => ({})));
}

function problemOf(path, status, body) {
  const problem = new Problem(status, body);
  if (status === 401 && !path.startsWith("/v1/session")) signedOut(problem);
  return problem;
}

async function fetched(path, options) {
  try {
    return await fetch(path, { ...options, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
}
