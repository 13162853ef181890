// Pictures that wait to be sent: dropped, pasted or chosen, for models that can see.

import { byId, element, iconButton, toast } from "./dom.js";
import { thumbnail } from "./message.js";

const TYPES = ["image/png", "image/jpeg", "image/webp"];
const LARGEST = 20 << 20;  // bytes of one file
const MOST = 8;

export const attachments = [];  // base64

let hooks;

function show() {
  const box = byId("attachments");
  box.hidden = !attachments.length;
  box.replaceChildren(...attachments.map((picture, i) => element("div", { class: "attachment" }, thumbnail(picture, `picture ${i + 1}`),
    iconButton("close", `Remove picture ${i + 1}`, () => {
      attachments.splice(i, 1);
      show();
    }))));
  hooks.changed();
}

function base64Of(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

async function add(files) {
  if (!files.length) return;
  if (!hooks.can("vision")) {
    hooks.refuse();
    return;
  }
  for (const file of files) {
    if (!TYPES.includes(file.type)) toast(`${file.name}: only PNG, JPEG and WebP pictures can be sent.`);
    else if (file.size > LARGEST) toast(`${file.name} is larger than 20 MB.`);
    else if (attachments.length >= MOST) toast(`${MOST} pictures are the most one message can hold.`);
    else attachments.push(await base64Of(file));
  }
  show();
}

export function takeAttachments() {
  const taken = attachments.splice(0);
  show();
  return taken;
}

export function setUpAttachments(given) {
  hooks = given;
  byId("attach").addEventListener("click", () => byId("files").click());
  byId("files").addEventListener("change", async (event) => {
    await add([...event.target.files]);
    event.target.value = "";
  });
  byId("prompt").addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    add(files);
  });
  const drop = byId("drop");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") && !document.querySelector("dialog[open]");
  document.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    byId("drop-text").textContent = hooks.can("vision") ? "Drop pictures here" : "This model cannot see pictures";
    drop.hidden = false;
  });
  drop.addEventListener("dragleave", () => { drop.hidden = true; });
  document.addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    drop.hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });
}
