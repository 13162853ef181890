// The window of models: what there is, removing, pulling from a registry, importing a folder. Each
// runs on, with its progress, when the window is closed.

import { call, exists, stream, upload } from "./api.js";
import { byId, bytesText, element, icon, iconButton, toast } from "./dom.js";
import { sha256 } from "./sha256.js";

let changed = () => {};

export function setUpModels(onChange) {
  changed = onChange;
  byId("open-models").addEventListener("click", () => byId("models").showModal());
  byId("pull").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = byId("pull-name").value.trim();
    const insecure = byId("pull-insecure").checked;
    if (name) run(`Pulling ${name}`, (job) => pull(name, insecure, job));
    byId("pull-name").value = "";
  });
  byId("import").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = byId("import-name").value.trim();
    const files = [...byId("import-folder").files];
    const type = byId("import-type").value;
    if (name && files.length) run(`Importing ${name}`, (job) => importFolder(name, files, type, job));
  });
}

export function showModels(models, manages) {
  const list = byId("model-list");
  list.replaceChildren(...models.map((model) => {
    const details = model.details ?? {};
    const facts = [details.parameter_size, details.quantization_level, model.size ? bytesText(model.size) : ""].filter(Boolean).join(" · ");
    return element("div", { class: "model-row" },
      element("div", { class: "grow" }, element("strong", {}, model.name), element("span", { class: "note" }, facts),
        element("span", { class: "tags" }, ...(model.capabilities ?? []).map((name) => element("span", { class: "tag" }, name)))),
      manages ? iconButton("trash", `Remove ${model.name}`, () => remove(model.name)) : null);
  }));
  if (!models.length) list.append(element("p", { class: "note" }, "There are no models here yet. Pull one, or import a folder."));
}

async function remove(name) {
  if (!confirm(`Remove ${name} from this machine?`)) return;
  try {
    await call("DELETE", "/api/delete", { model: name });
    await changed();
  } catch (error) {
    toast(error.message);
  }
}

// A line with a bar that a piece of work moves.
class Job {
  constructor(title) {
    this.abort = new AbortController();
    this.bar = element("progress", { max: "1" });
    this.text = element("span", { class: "note" });
    this.stop = iconButton("close", "Cancel", () => this.abort.abort());
    this.node = element("div", { class: "job card" }, element("div", { class: "line" }, element("strong", { class: "grow" }, title), this.stop), this.bar, this.text);
    byId("jobs").prepend(this.node);
  }

  show(text, done, total) {
    this.text.textContent = total ? `${text} · ${bytesText(done)} of ${bytesText(total)}` : text;
    if (total) this.bar.value = done / total;
    else this.bar.removeAttribute("value");
  }

  end(text, good) {
    this.text.textContent = text;
    this.node.classList.add(good ? "good" : "bad");
    this.bar.remove();
    this.stop.replaceWith(iconButton("close", "Dismiss", () => this.node.remove()));
    if (good) this.node.firstChild.prepend(icon("check"));
  }
}

async function run(title, work) {
  const job = new Job(title);
  try {
    await work(job);
    job.end("Done", true);
    await changed();
  } catch (error) {
    job.end(error.name === "AbortError" ? "Cancelled" : error.message, false);
  }
}

async function follow(path, body, job) {
  // Several blobs come at once: the bar shows all of them together.
  const totals = new Map();
  let last = "";
  for await (const line of stream(path, body, job.abort.signal)) {
    if (line.total) totals.set(line.digest ?? line.status, [line.completed ?? 0, line.total]);
    const sums = [...totals.values()].reduce((sum, [done, total]) => [sum[0] + done, sum[1] + total], [0, 0]);
    last = line.status ?? last;
    job.show(last, sums[0], line.total ? sums[1] : 0);
  }
  if (last !== "success") throw new Error("The server ended without saying that it succeeded.");
}

// The server takes plain http:// where it is told to only.
const pull = (name, insecure, job) => follow("/api/pull", insecure ? { model: name, insecure } : { model: name }, job);

// What an import reads, at most one folder down. Weights of other formats, which often lie beside,
// are not sent.
const READ = /^(?:[A-Za-z0-9_-][\w.-]*\/)?[A-Za-z0-9_-][\w.-]*$/;
const KINDS = /(?:\.(?:safetensors|json|jinja|txt|model|tiktoken)|^(?:license|licence)(?:\.[a-z]+)?)$/i;

// The name below the chosen folder.
const pathOf = (file) => file.webkitRelativePath.split("/").slice(1).join("/") || file.name;

async function importFolder(name, all, type, job) {
  const files = all.filter((file) => READ.test(pathOf(file)) && KINDS.test(pathOf(file)));
  if (!files.some((file) => file.name.endsWith(".safetensors"))) throw new Error("The folder holds no safetensors.");
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const digests = {};
  let before = 0;
  for (const file of files) {
    const path = pathOf(file);
    const digest = `sha256:${await sha256(file, (done) => {
      job.abort.signal.throwIfAborted();
      job.show(`reading ${path}`, before + done, total);
    })}`;
    digests[path] = digest;
    if (!(await exists(`/api/blobs/${digest}`))) {
      await upload(`/api/blobs/${digest}`, file, (done) => job.show(`sending ${path}`, before + done, total), job.abort.signal);
    }
    before += file.size;
  }
  await follow("/api/create", { model: name, files: digests, ...(type ? { quantize: type } : {}) }, job);
}
