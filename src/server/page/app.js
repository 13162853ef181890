// The page put together: conversations at the side, the model picker above, the composer below.

import { ApiError, call, onKeyNeeded, setKey } from "./api.js";
import { attachments, setUpAttachments, takeAttachments } from "./attachments.js";
import { Conversation } from "./conversation.js";
import { byId, element, fillIcons, icon, iconButton, toast } from "./dom.js";
import { setUpModels, showModels } from "./models.js";
import { allChats, newChat, removeAllChats, removeChat, saveSettings, saveTheme, settings } from "./storage.js";

const prompt = byId("prompt");
const picker = byId("model");
const narrow = matchMedia("(max-width: 760px)");
const touch = matchMedia("(pointer: coarse)");
let models = [];

const current = () => models.find((model) => model.name === picker.value);
const can = (what) => current()?.capabilities?.includes(what) ?? false;

const conversation = new Conversation({
  model: () => picker.value,
  can,
  changed: () => {
    showState();
    showChats();
  },
});

// --- Models ---------------------------------------------------------------------------------------

async function loadModels() {
  try {
    models = (await call("GET", "/api/tags")).models ?? [];
  } catch (error) {
    picker.replaceChildren(element("option", { value: "" }, "No models"));
    byId("welcome-text").textContent = error.message;
    return;
  }
  // Whoever may not change what models there are is not offered to.
  const props = await call("GET", "/props").catch(() => null);
  const manages = props?.role !== "infer";
  byId("manage").hidden = !manages;
  // Those that only embed do not chat.
  const chatty = models.filter((model) => !model.capabilities || model.capabilities.includes("completion"));
  picker.replaceChildren(...chatty.map((model) => element("option", { value: model.name }, model.name.replace(/:latest$/, ""))));
  if (!chatty.length) picker.append(element("option", { value: "" }, "No models yet"));
  if (chatty.some((model) => model.name === settings.model)) picker.value = settings.model;
  showModels(models, manages);
  showState();
}

picker.addEventListener("change", () => {
  settings.model = picker.value;
  saveSettings();
  showState();
});

// --- Sending --------------------------------------------------------------------------------------

function showState() {
  const { running } = conversation;
  const send = byId("send");
  const label = running ? "Stop" : "Send";
  if (send.getAttribute("aria-label") !== label || !send.firstChild) {
    send.setAttribute("aria-label", label);
    send.replaceChildren(icon(running ? "stop" : "send"));
  }
  send.disabled = !running && (!picker.value || (!prompt.value.trim() && !attachments.length));
  byId("attach").hidden = !can("vision");
  byId("think-box").hidden = !can("thinking");
  byId("think").value = settings.think;
  byId("think-box").classList.toggle("set", settings.think !== "");
  byId("welcome").hidden = conversation.chat.messages.length > 0;
}

function grow() {
  prompt.style.height = "auto";
  prompt.style.height = `${Math.min(prompt.scrollHeight, innerHeight * 0.4)}px`;
}

function send() {
  if (conversation.running) return conversation.stop();
  const text = prompt.value.trim();
  if (!picker.value || (!text && !attachments.length)) return undefined;
  prompt.value = "";
  grow();
  return conversation.send(text, takeAttachments());
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
prompt.addEventListener("input", () => {
  grow();
  showState();
});
prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch.matches) return;
  event.preventDefault();
  if (!conversation.running) send();
});
byId("think").addEventListener("change", (event) => {
  settings.think = event.target.value;
  saveSettings();
  showState();
});
conversation.onEdit = (text) => {
  prompt.value = text;
  grow();
  prompt.focus();
  showState();
};

for (const text of ["What is 47+38?", "Explain how tides work", "Write a haiku about copper"]) {
  byId("starters").append(element("button", { type: "button", class: "starter", onclick: () => {
    prompt.value = text;
    grow();
    prompt.focus();
    showState();
  } }, text));
}

// --- Conversations --------------------------------------------------------------------------------

function showChats() {
  byId("chats").replaceChildren(...allChats().map((chat) => element("div", { class: chat.id === conversation.chat.id ? "chat current" : "chat" },
    element("button", { type: "button", class: "name", "aria-current": chat.id === conversation.chat.id ? "true" : null, onclick: () => open(chat) }, chat.title || "Untitled"),
    iconButton("trash", `Forget “${chat.title}”`, () => {
      removeChat(chat.id);
      if (chat.id === conversation.chat.id) open(newChat());
      else showChats();
    }))));
}

function open(chat) {
  conversation.open(chat);
  closeSidebar();
  if (!touch.matches) prompt.focus();
}

function closeSidebar() {
  document.body.classList.remove("sidebar");
  byId("scrim").hidden = true;
  byId("open-sidebar").setAttribute("aria-expanded", "false");
  byId("sidebar").inert = narrow.matches;
}

byId("new-chat").addEventListener("click", () => open(newChat()));
byId("open-sidebar").addEventListener("click", () => {
  document.body.classList.add("sidebar");
  byId("scrim").hidden = false;
  byId("sidebar").inert = false;
  byId("open-sidebar").setAttribute("aria-expanded", "true");
  byId("close-sidebar").focus();
});
byId("close-sidebar").addEventListener("click", closeSidebar);
byId("scrim").addEventListener("click", closeSidebar);
narrow.addEventListener("change", closeSidebar);

// --- Theme, settings, keys ------------------------------------------------------------------------

function showTheme() {
  byId("theme").replaceChildren(icon(document.documentElement.dataset.theme === "dark" ? "sun" : "moon"));
}
byId("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  saveTheme(theme);
  showTheme();
});

const FIELDS = { system: "system", temperature: "temperature", "num-predict": "numPredict", tools: "tools" };
for (const [id, name] of Object.entries(FIELDS)) {
  byId(id).value = settings[name];
  byId(id).addEventListener("input", (event) => {
    settings[name] = event.target.value;
    saveSettings();
    if (name === "tools") checkTools();
  });
}
function checkTools() {
  const bad = byId("tools-error");
  bad.hidden = true;
  try {
    if (settings.tools.trim() && !Array.isArray(JSON.parse(settings.tools))) throw new Error("It must be a list.");
  } catch (error) {
    bad.textContent = `Not usable yet: ${error.message}`;
    bad.hidden = false;
  }
}
byId("open-settings").addEventListener("click", () => {
  checkTools();
  byId("settings").showModal();
});
byId("clear-chats").addEventListener("click", () => {
  if (!confirm("Forget all conversations kept in this browser?")) return;
  removeAllChats();
  open(newChat());
  byId("settings").close();
});

onKeyNeeded(() => new Promise((resolve) => {
  const dialog = byId("key-dialog");
  if (dialog.open) return resolve(false);
  let given = false;
  const form = byId("key-form");
  form.onsubmit = () => {
    given = true;
    setKey(byId("key").value.trim(), byId("keep-key").checked);
  };
  dialog.addEventListener("close", () => resolve(given), { once: true });
  return dialog.showModal();
}));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    if (document.body.classList.contains("sidebar")) closeSidebar();
    else if (conversation.running) conversation.stop();
  } else if (event.key.toLowerCase() === "o" && event.shiftKey && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    open(newChat());
  } else if (event.key === "/" && document.activeElement === document.body) {
    event.preventDefault();
    prompt.focus();
  }
});
// A click beside a window closes it.
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && dialog.id !== "key-dialog") dialog.close();
  });
}

fillIcons();
showTheme();
setUpModels(loadModels);
setUpAttachments({ can, changed: showState, refuse: () => toast(`${picker.value || "This model"} cannot see pictures.`) });
closeSidebar();
open(newChat());
loadModels().catch((error) => {
  if (!(error instanceof ApiError)) throw error;
  toast(error.message);
});
