// One conversation: its messages, how they are sent, and the answer as it streams in. Shows at most
// once a frame, and follows the end of the text unless the reader has scrolled away from it.

import { stream } from "./api.js";
import { byId } from "./dom.js";
import { AnswerView, toolResultView, userView } from "./message.js";
import { newChat, saveChat, settings } from "./storage.js";

const scroll = byId("scroll");
const list = byId("messages");

// What the server is sent of a message; the rest is for the eyes.
function wire(message) {
  const { role, content, images, tool_calls: calls, tool_name: toolName, tool_call_id: callId } = message;
  const out = { role, content: content ?? "" };
  if (message.thinking && calls?.length) out.thinking = message.thinking;
  if (images?.length) out.images = images;
  if (calls?.length) out.tool_calls = calls;
  if (toolName) out.tool_name = toolName;
  if (callId) out.tool_call_id = callId;
  return out;
}

function toolsOf(text) {
  try {
    const tools = JSON.parse(text);
    return Array.isArray(tools) && tools.length ? tools : undefined;
  } catch {
    return undefined;
  }
}

export class Conversation {
  // hooks: model() and can(capability) of what is picked; changed() after anything did.
  constructor(hooks) {
    this.hooks = hooks;
    this.chat = newChat();
    this.running = null;
    this.onEdit = () => {};
    this.following = true;
    scroll.addEventListener("scroll", () => {
      this.following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
      byId("to-end").hidden = this.following;
    }, { passive: true });
    byId("to-end").addEventListener("click", () => this.toEnd());
  }

  open(chat) {
    this.stop();
    this.chat = chat;
    this.showAll();
    this.toEnd();
  }

  showAll() {
    list.replaceChildren(...this.chat.messages.map((message, at) => this.viewOf(message, at)));
    this.hooks.changed();
  }

  viewOf(message, at) {
    if (message.role === "user") return userView(message, { edit: () => this.edit(at) });
    if (message.role === "tool") return toolResultView(message);
    return this.answerView(message, at).node;
  }

  answerView(message, at) {
    return new AnswerView(message, {
      again: () => this.again(at),
      canAnswerCalls: () => this.chat.messages.at(-1) === message,
      answerCall: (call, result, last) => this.answerCall(call, result, last),
    });
  }

  toEnd() {
    this.following = true;
    scroll.scrollTop = scroll.scrollHeight;
    byId("to-end").hidden = true;
  }

  send(text, images) {
    const message = { role: "user", content: text };
    if (images.length) message.images = images;
    if (!this.chat.title) this.chat.title = text.slice(0, 60) || "Picture";
    this.chat.messages.push(message);
    list.append(this.viewOf(message, this.chat.messages.length - 1));
    return this.answer();
  }

  // Back to before a message of the user, which goes into the composer again.
  edit(at) {
    this.stop();
    const text = this.chat.messages[at].content;
    this.chat.messages.length = at;
    this.showAll();
    this.onEdit(text);
  }

  again(at) {
    this.stop();
    this.chat.messages.length = at;
    this.showAll();
    return this.answer();
  }

  answerCall(call, result, last) {
    this.pendingResults = [...(this.pendingResults ?? []), { role: "tool", tool_name: call.function.name, tool_call_id: call.id, content: result }];
    if (!last) return;
    for (const message of this.pendingResults) {
      this.chat.messages.push(message);
      list.append(this.viewOf(message));
    }
    this.pendingResults = [];
    this.answer();
  }

  stop() {
    this.running?.abort();
  }

  body() {
    // An answer that failed before its first word is nothing to go on from.
    const messages = this.chat.messages.filter((message) => message.content || message.images || message.tool_calls || message.role === "tool").map(wire);
    if (settings.system.trim()) messages.unshift({ role: "system", content: settings.system });
    const options = {};
    if (settings.temperature !== "") options.temperature = Number(settings.temperature);
    if (settings.numPredict !== "") options.num_predict = Number(settings.numPredict);
    const body = { model: this.hooks.model(), messages, stream: true, options };
    const tools = toolsOf(settings.tools);
    if (tools) body.tools = tools;
    if (this.hooks.can("thinking") && settings.think) {
      body.think = settings.think === "true" ? true : settings.think === "false" ? false : settings.think;
    }
    return body;
  }

  async answer() {
    const chat = this.chat;
    const body = this.body();
    const abort = new AbortController();
    this.running = abort;
    const message = { role: "assistant", content: "", thinking: "", model: body.model };
    chat.messages.push(message);
    const view = this.answerView(message, chat.messages.length - 1);
    list.append(view.node);
    view.show(true);
    this.hooks.changed();
    this.toEnd();

    let drawn = true;
    const draw = () => {
      if (!drawn) return;
      drawn = false;
      requestAnimationFrame(() => {
        drawn = true;
        if (this.running !== abort) return;
        view.show(true);
        if (this.following) scroll.scrollTop = scroll.scrollHeight;
      });
    };
    const began = performance.now();
    let first = 0;
    try {
      for await (const piece of stream("/api/chat", body, abort.signal)) {
        const said = piece.message ?? {};
        if (!first && (said.content || said.thinking || said.tool_calls)) first = performance.now();
        if (said.content && message.thinking && !message.content) message.thinkingSeconds = (performance.now() - first) / 1000;
        message.thinking += said.thinking ?? "";
        message.content += said.content ?? "";
        if (said.tool_calls) message.tool_calls = [...(message.tool_calls ?? []), ...said.tool_calls];
        if (piece.done) {
          message.stats = {
            evalCount: piece.eval_count ?? 0,
            evalDuration: piece.eval_duration,
            promptCount: piece.prompt_eval_count,
            cached: piece.prompt_eval_cached_count ?? 0,
            firstToken: first ? (first - began) / 1000 : undefined,
          };
          message.cut = piece.done_reason === "length";
        }
        draw();
      }
    } catch (error) {
      if (error.name === "AbortError") message.stopped = true;
      else message.error = error.message;
    }
    if (this.running === abort) this.running = null;
    view.show(false);
    saveChat(chat);
    if (this.chat === chat && this.following) scroll.scrollTop = scroll.scrollHeight;
    this.hooks.changed();
  }
}
