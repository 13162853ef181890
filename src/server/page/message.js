// How one message looks: what a user wrote with its pictures, or an answer with its thinking, text,
// tool calls, figures, and what can be done with it.

import { element, icon, iconButton } from "./dom.js";
import { copyButton } from "./code.js";
import { MarkdownView } from "./markdown.js";

// The page may show no address but the server's own, so pictures are drawn instead of linked.
export function thumbnail(base64, label) {
  const canvas = element("canvas", { class: "thumbnail", role: "img", "aria-label": label });
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  createImageBitmap(new Blob([bytes])).then((picture) => {
    const scale = Math.min(1, 480 / Math.max(picture.width, picture.height));
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  }, () => canvas.replaceWith(element("span", { class: "note" }, "a picture that this browser cannot show")));
  return canvas;
}

export function statsText(stats) {
  const parts = [];
  if (stats.evalCount && stats.evalDuration) parts.push(`${(stats.evalCount / (stats.evalDuration / 1e9)).toFixed(1)} tokens/s`);
  if (stats.evalCount) parts.push(`${stats.evalCount} tokens`);
  if (stats.promptCount !== undefined) {
    parts.push(`prompt ${stats.promptCount}${stats.cached !== undefined ? `, ${stats.cached} cached` : ""}`);
  }
  if (stats.firstToken) parts.push(`${stats.firstToken.toFixed(stats.firstToken < 1 ? 2 : 1)} s to first word`);
  return parts.join(" · ");
}

function thoughtFor(seconds) {
  if (seconds === undefined) return "Thoughts";
  return seconds < 1 ? "Thought for a moment" : `Thought for ${Math.round(seconds)} s`;
}

export function userView(message, actions) {
  const bubble = element("div", { class: "bubble" });
  for (const [i, picture] of (message.images ?? []).entries()) bubble.append(thumbnail(picture, `picture ${i + 1}`));
  if (message.content) bubble.append(element("p", {}, message.content));
  return element("article", { class: "user", "aria-label": "You" }, bubble,
    element("div", { class: "actions" }, iconButton("edit", "Edit and send again", actions.edit)));
}

export function toolResultView(message) {
  return element("article", { class: "tool-result", "aria-label": "Result of a tool" },
    element("div", { class: "call" }, element("div", { class: "call-head" }, icon("check"), element("span", {}, `Result of ${message.tool_name || "the tool"}`)),
      element("pre", { tabindex: "0" }, message.content)));
}

// An answer while it comes and afterwards. The owner calls show() when the message changed.
export class AnswerView {
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.summary = element("span", {}, "Thinking");
    this.thought = element("div", { class: "thought" });
    this.thinking = element("details", { class: "thinking", hidden: true }, element("summary", {}, icon("bulb"), this.summary), this.thought);
    this.text = element("div", { class: "prose" });
    this.calls = element("div", { class: "calls" });
    this.error = element("div", { class: "error-box", role: "alert", hidden: true });
    this.waiting = element("div", { class: "waiting", "aria-label": "The model is reading" }, element("i"), element("i"), element("i"));
    this.stats = element("span", { class: "stats" });
    this.footer = element("div", { class: "actions", hidden: true }, copyButton("", () => this.message.content),
      iconButton("redo", "Answer again", actions.again), this.stats);
    this.node = element("article", { class: "answer", "aria-label": message.model ?? "Answer" },
      this.thinking, this.text, this.calls, this.waiting, this.error, this.footer);
    this.prose = new MarkdownView(this.text);
    this.thoughts = new MarkdownView(this.thought);
    this.shownCalls = 0;
    this.openCalls = [];
    this.show(false);
  }

  show(running) {
    const { message } = this;
    const thinking = message.thinking ?? "";
    this.node.classList.toggle("running", running);
    this.node.setAttribute("aria-busy", String(running));
    this.thinking.hidden = !thinking;
    this.thinking.classList.toggle("live", running && !message.content);
    if (thinking) this.thoughts.show(thinking);
    this.summary.textContent = running && !message.content ? "Thinking…" : thoughtFor(message.thinkingSeconds);
    this.prose.show(message.content ?? "");
    this.showCalls(running);
    this.waiting.hidden = !running || Boolean(message.content || thinking);
    this.error.hidden = !message.error;
    this.error.textContent = message.error ?? "";
    this.footer.hidden = running;
    const notes = [message.stats ? statsText(message.stats) : "", message.stopped ? "stopped" : "", message.cut ? "cut off at the longest answer" : ""];
    this.stats.textContent = notes.filter(Boolean).join(" · ");
  }

  showCalls(running) {
    const calls = this.message.tool_calls ?? [];
    for (; this.shownCalls < calls.length; this.shownCalls += 1) {
      const call = calls[this.shownCalls];
      const box = element("div", { class: "call" },
        element("div", { class: "call-head" }, icon("tool"), element("span", {}, call.function.name)),
        element("pre", { tabindex: "0" }, JSON.stringify(call.function.arguments, null, 2)));
      this.calls.append(box);
      this.openCalls.push([call, box]);
    }
    if (running || !this.actions.canAnswerCalls()) {
      for (const [, box] of this.openCalls) box.querySelector("form")?.remove();
      return;
    }
    // Nothing here runs tools: the person does, and gives the result back.
    for (const [call, box] of this.openCalls) {
      if (box.querySelector("form")) continue;
      const input = element("input", { class: "grow", placeholder: "What the tool answers", "aria-label": `Result of ${call.function.name}` });
      box.append(element("form", { class: "line", onsubmit: (event) => {
        event.preventDefault();
        this.openCalls = this.openCalls.filter(([other]) => other !== call);
        event.target.remove();
        this.actions.answerCall(call, input.value, this.openCalls.length === 0);
      } }, input, element("button", { class: "button", type: "submit" }, "Give result")));
    }
  }
}
