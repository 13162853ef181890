// Talks to the server that sent this page: JSON, lines of JSON, and bytes with progress. The key,
// where the server wants one, is asked for once and kept for this tab, or longer on request.

const KEY = "ingot.key";

function kept() {
  try {
    return sessionStorage.getItem(KEY) || localStorage.getItem(KEY) || "";
  } catch {
    return "";
  }
}

let key = kept();

export function setKey(value, remember) {
  key = value;
  try {
    sessionStorage.setItem(KEY, value);
    if (remember) localStorage.setItem(KEY, value);
    else localStorage.removeItem(KEY);
  } catch { /* it lives as long as the page, then */ }
}

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

// Set by the page: shows the dialog, resolves when a key was given.
let askForKey = async () => false;
export function onKeyNeeded(ask) {
  askForKey = ask;
}

function headers(extra = {}) {
  return key ? { ...extra, Authorization: `Bearer ${key}` } : extra;
}

async function failure(response) {
  let text = `${response.status} ${response.statusText}`.trim();
  try {
    const body = await response.json();
    if (typeof body.error === "string") text = body.error;
    else if (body.error?.message) text = body.error.message;
  } catch { /* no JSON: the status says it */ }
  return new ApiError(text, response.status);
}

async function send(method, path, body, signal) {
  for (;;) {
    let response;
    try {
      response = await fetch(path, {
        method,
        signal,
        headers: headers(body === undefined ? {} : { "Content-Type": "application/json" }),
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The server does not answer. Is it still running?", 0);
    }
    if (response.status === 401 && await askForKey()) continue;
    if (!response.ok) throw await failure(response);
    return response;
  }
}

export async function call(method, path, body) {
  const response = await send(method, path, body);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

// Every object of a streamed answer, as it comes. An error the server reports later is thrown, too.
export async function* stream(path, body, signal) {
  const response = await send("POST", path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (error.name === "AbortError" || signal?.aborted) throw error;
      throw new ApiError("The connection broke in the middle of the answer.", 0);
    }
    rest += part.value ?? "";
    const lines = rest.split("\n");
    rest = part.done ? "" : lines.pop();
    for (const line of lines) {
      if (!line.trim()) continue;
      const object = JSON.parse(line);
      if (object.error) throw new ApiError(object.error, response.status);
      yield object;
    }
    if (part.done) return;
  }
}

export async function exists(path) {
  const response = await fetch(path, { method: "HEAD", headers: headers() });
  return response.ok;
}

// Sends a file; fetch cannot tell how far it is, the older interface can.
export function upload(path, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onerror = () => reject(new ApiError("The upload broke off.", 0));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve();
      let text = `${request.status} ${request.statusText}`;
      try { text = JSON.parse(request.responseText).error ?? text; } catch { /* no JSON */ }
      reject(new ApiError(text, request.status));
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
