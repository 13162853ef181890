// What the page keeps in this browser: settings and conversations. Nothing of it is on the server.

const CHATS = "ingot.chats";
const SETTINGS = "ingot.settings";
const MOST_CHATS = 60;

function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export const settings = { model: "", system: "", temperature: "", numPredict: "", tools: "", think: "", ...read(SETTINGS, {}) };

export function saveSettings() {
  write(SETTINGS, settings);
}

export function saveTheme(theme) {
  try { localStorage.setItem("ingot.theme", theme); } catch { /* for this visit only, then */ }
}

// Newest first: {id, title, messages}. A message is what /api/chat takes, and beside it what is
// only shown: stats, error, stopped.
let chats = read(CHATS, []);
if (!Array.isArray(chats)) chats = [];

export const allChats = () => chats;

export function saveChat(chat) {
  chats = [chat, ...chats.filter((other) => other.id !== chat.id)].slice(0, MOST_CHATS);
  // Storage is small: the oldest go first, then the pictures.
  while (!write(CHATS, chats) && chats.length > 1) chats.pop();
  if (chats.length === 1 && !write(CHATS, chats)) {
    write(CHATS, [{ ...chat, messages: chat.messages.map((message) => ({ ...message, images: undefined })) }]);
  }
}

export function removeChat(id) {
  chats = chats.filter((chat) => chat.id !== id);
  write(CHATS, chats);
}

export function removeAllChats() {
  chats = [];
  write(CHATS, chats);
}

export function newChat() {
  return { id: `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`, title: "", messages: [] };
}
