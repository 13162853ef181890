"""The chat page in headless Chromium: page_test.py INGOT SCREENSHOTS

Against a server on the demo model, and, for what no model says at will, against one whose answers
are scripted, behind which the real one serves everything else, the page and its headers too.
"""

import json
import os
import sys
import time
import unittest
from pathlib import Path

from injections import INJECTIONS, SMALL
from scripted_server import ScriptedServer
from server_process import ROOT, ServerProcess, program
from webdriver import Browser

INGOT = program()
SHOTS = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build/screenshots")
CORPUS = INJECTIONS if os.environ.get("INGOT_SOAK") else SMALL

MARKDOWN = """Tides come from **gravity that differs** from one side of the Earth to the other, as
[NOAA](https://oceanservice.noaa.gov/education/tutorial_tides/) explains.

### What happens

1. The Moon pulls the *near* side more than the centre.
2. It pulls the centre more than the far side,
   - so water bulges on both sides
   - and the Earth turns below the bulges.
3. Hence two high tides a day, about `12 h 25 min` apart.

| Kind | When | Range |
|:-----|:----:|------:|
| Spring | new and full Moon | 6.2 m |
| Neap | quarters | 3.1 m |

> The Sun does the same at 46 % of the strength.

```python
def tide(t: float, range_m: float = 4.0) -> float:
    period = 12.42  # hours, M2
    return range_m / 2 * math.cos(2 * math.pi * t / period)
```
"""


def scripted(text):
    if text.startswith("INJECT"):
        yield {"content": CORPUS[int(text.split()[1])]}
    elif "weather" in text:
        call = {"name": "get_weather", "arguments": {"city": "Bremen", "unit": "celsius"}}
        yield {"content": "I will look."}
        yield {"tool_calls": [{"id": "call_1", "function": call}]}
    elif "broken" in text:
        yield {"content": "It began"}
        yield {"error": "out of memory"}
    elif "endless" in text:
        for i in range(2000):
            yield {"content": f"word{i} "}
            yield 0.02
    else:
        yield {"thinking": "The user asks about tides."}
        for i in range(0, len(MARKDOWN), 40):
            yield {"content": MARKDOWN[i : i + 40]}
            yield 0.002


def setUpModule():
    global server, browser
    SHOTS.mkdir(parents=True, exist_ok=True)
    server = ServerProcess(INGOT)
    unittest.addModuleCleanup(server.stop)
    browser = Browser()
    unittest.addModuleCleanup(browser.__exit__)


DONE = "!document.querySelector('.running') && document.querySelector('#messages > :last-child .stats')"


class PageTest(unittest.TestCase):
    def setUp(self):
        browser.size(1280, 800)

    def tearDown(self):
        complaints = [line for line in browser.log() if line.startswith(("SEVERE", "WARNING"))]
        self.assertEqual(complaints, [])

    def open(self, url):
        browser.open(url)
        browser.wait("document.querySelector('#model').value.startsWith('demo')", what="the models")

    def say(self, text):
        browser.type("#prompt", text)
        browser.press("Enter")

    def last(self, css=".prose"):
        return browser.js(
            "return [...document.querySelectorAll(arguments[0])].at(-1)?.textContent ?? null",
            f".answer {css}",
        )

    def test_a_model_answers(self):
        self.open(server.url)
        browser.shot(SHOTS / "welcome.png")
        options = browser.js(
            "return [...document.querySelectorAll('#model option')].map(o => o.text)"
        )
        self.assertEqual(options, ["demo"])
        browser.js(
            "const m = document.querySelector('#model'); m.value = 'demo:latest' ; if (!m.value) m.value = 'demo';"
            "m.dispatchEvent(new Event('change'))"
        )
        browser.click("#open-settings")
        browser.type("#temperature", "0")
        browser.press("Escape")
        self.say("What is 47+38?")
        browser.wait(DONE, what="the answer")
        self.assertEqual(self.last(), "85")
        self.assertRegex(self.last(".stats"), r"tokens/s · \d+ tokens · prompt \d+")
        # The conversation goes on, and what was read is not read again.
        self.say("What is 21+22?")
        browser.wait(f"document.querySelectorAll('.answer').length === 2 && {DONE}")
        self.assertEqual(self.last(), "43")
        self.assertRegex(self.last(".stats"), r"prompt \d+, \d+ cached")
        browser.shot(SHOTS / "conversation.png")
        self.assertEqual(browser.text("#chats .name"), "What is 47+38?")
        # Again: the same question, one answer.
        browser.click(".answer:last-child [aria-label='Answer again']")
        browser.wait(f"document.querySelectorAll('.answer').length === 2 && {DONE}")
        self.assertEqual(self.last(), "43")

    def test_an_answer_streams_and_is_stopped(self):
        with ScriptedServer(server.address, scripted) as stage:
            self.open(stage.url)
            self.say("endless")
            seen = browser.wait("document.querySelector('.prose')?.textContent.length")
            browser.wait("document.querySelector('.prose').textContent.length > arguments[0]", seen)
            self.assertEqual(browser.js("return document.querySelector('#send').ariaLabel"), "Stop")
            browser.press("Escape")
            browser.wait(DONE)
            self.assertIn("stopped", self.last(".stats"))
            self.assertTrue(stage.gone.wait(10), "the server was not told")
            self.say("endless")
            browser.wait("document.querySelectorAll('.prose')[1]?.textContent.length")
            browser.click("#send")
            browser.wait(DONE)
            self.assertIn("stopped", self.last(".stats"))

    def test_markdown_thinking_tools_and_errors_are_shown(self):
        with ScriptedServer(server.address, scripted) as stage:
            self.open(stage.url)
            self.say("How do tides work?")
            browser.wait(DONE)
            made = browser.js(
                "const p = document.querySelector('.prose');"
                "return ['h5', 'ol > li', 'ul > li', 'table td', 'blockquote', 'pre', 'strong', 'em', 'a']"
                ".map(css => p.querySelectorAll(css).length)"
            )
            self.assertEqual(made, [1, 3, 2, 6, 1, 1, 1, 1, 1])
            self.assertFalse(browser.js("return document.querySelector('.thinking').open"))
            browser.click(".thinking summary")
            self.assertEqual(self.last(".thought"), "The user asks about tides.")
            browser.js("document.querySelector('#scroll').scrollTop = 0")
            browser.shot(SHOTS / "markdown.png")
            self.say("What is the weather?")
            browser.wait("document.querySelector('.call form')")
            self.assertEqual(self.last(".call-head"), "get_weather")
            browser.type(".call form input", "12 degrees, rain")
            browser.press("Enter")
            browser.wait(f"document.querySelectorAll('.answer').length === 3 && {DONE}")
            sent = stage.requests[-1]["messages"]
            self.assertEqual(sent[-1]["role"], "tool")
            self.assertEqual(sent[-1]["content"], "12 degrees, rain")
            self.assertEqual(sent[-2]["tool_calls"][0]["function"]["arguments"]["city"], "Bremen")
            self.say("broken")
            browser.wait("document.querySelector('.error-box:not([hidden])')")
            self.assertEqual(self.last(".error-box"), "out of memory")
            browser.shot(SHOTS / "tools.png")

    def test_a_phone_and_the_dark(self):
        with ScriptedServer(server.address, scripted) as stage:
            browser.size(390, 844)
            self.open(stage.url)
            before = browser.js("return document.documentElement.dataset.theme")
            browser.click("#theme")
            after = browser.js("return document.documentElement.dataset.theme")
            self.assertNotEqual(before, after)
            self.say("How do tides work?")
            if not browser.js("return document.querySelector('.answer')"):
                browser.click("#send")
            browser.wait(DONE)
            browser.shot(SHOTS / "phone.png")
            # Nothing is wider than the screen, and what is pressed is large enough for a finger.
            self.assertEqual(browser.js("return document.documentElement.scrollWidth"), 390)
            small = browser.js(
                "return ['#send', '#theme', '#open-sidebar'].filter(css => {"
                "const box = document.querySelector(css).getBoundingClientRect();"
                "return box.width < 40 || box.height < 40 || box.right > 390})"
            )
            self.assertEqual(small, [])
            browser.click("#open-sidebar")
            browser.wait("document.querySelector('#sidebar').getBoundingClientRect().left === 0")
            browser.shot(SHOTS / "phone-list.png")
            browser.click("#close-sidebar")
            browser.open(stage.url)
            self.assertEqual(browser.js("return document.documentElement.dataset.theme"), after)
            browser.click("#theme")

    def test_the_keyboard_is_enough(self):
        with ScriptedServer(server.address, scripted) as stage:
            self.open(stage.url)
            reached = set()
            for _ in range(14):
                browser.press("Tab")
                reached.add(browser.js("return document.activeElement.id"))
            self.assertLessEqual(
                {"new-chat", "open-models", "open-settings", "model", "theme"}, reached
            )
            browser.js("document.activeElement.blur()")
            browser.press("/")
            self.assertEqual(browser.js("return document.activeElement.id"), "prompt")
            browser.type("#prompt", "one")
            browser.press("Shift", "Enter")
            browser.type("#prompt", "two")
            self.assertEqual(
                browser.js("return document.querySelector('#prompt').value"), "one\ntwo"
            )
            self.assertEqual(stage.requests, [])

    def test_pictures_are_for_models_that_see(self):
        self.open(server.url)
        self.assertTrue(browser.js("return document.querySelector('#attach').hidden"))
        browser.js(
            "const data = new DataTransfer(); data.items.add(new File(['x'], 'a.png', {type: 'image/png'}));"
            "document.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))"
        )
        browser.wait("!document.querySelector('#toast').hidden")
        self.assertIn("cannot see", browser.text("#toast"))

    def test_the_models_window_lists_and_tells_of_failures(self):
        self.open(server.url)
        browser.click("#open-models")
        self.assertIn("demo", browser.text(".model-row"))
        browser.type("#pull-name", "127.0.0.1:1/nobody/nothing")
        browser.press("Enter")
        browser.wait("document.querySelector('.job.bad')", what="the failure of the pull")
        browser.shot(SHOTS / "models.png")
        browser.log()  # the status of the refusal is no complaint

    def test_injections_stay_text(self):
        with ScriptedServer(server.address, scripted) as stage:
            self.open(stage.url)
            browser.js(
                "window.hit = []; window.alert = (x) => window.hit.push('alert ' + x);"
                "document.addEventListener('securitypolicyviolation', (e) => window.hit.push(e.violatedDirective + ' ' + e.blockedURI))"
            )
            fetched = len(
                browser.js("return performance.getEntriesByType('resource').map(e => e.name)")
            )
            started = time.monotonic()
            for i in range(len(CORPUS)):
                browser.js(
                    "const p = document.querySelector('#prompt'); p.value = arguments[0];"
                    "p.dispatchEvent(new Event('input')); document.querySelector('#composer').requestSubmit()",
                    f"INJECT {i}",
                )
                browser.wait(f"document.querySelectorAll('.answer').length === {i + 1} && {DONE}")
            self.assertLess(time.monotonic() - started, 10 * len(CORPUS))
            self.assertEqual(browser.js("return window.hit"), [])
            wrong = browser.js(
                """
                const bad = [];
                for (const node of document.querySelectorAll('.prose *, .thought *')) {
                  const tag = node.tagName.toLowerCase();
                  if (['script', 'iframe', 'img', 'style', 'object', 'embed', 'form', 'link', 'base',
                       'meta', 'video', 'audio', 'math', 'template'].includes(tag)) bad.push(tag);
                  for (const {name, value} of node.attributes) {
                    if (name.startsWith('on') || name === 'style' || name === 'src') bad.push(tag + ' ' + name);
                    if (name === 'href' && !/^(https?:|mailto:)/.test(value)) bad.push(value);
                  }
                }
                return bad;
                """
            )
            self.assertEqual(wrong, [])
            names = browser.js("return performance.getEntriesByType('resource').map(e => e.name)")
            outside = [name for name in names[fetched:] if not name.startswith(stage.url)]
            self.assertEqual(outside, [])
            # What was kept is shown again when the page is opened anew, just as harmlessly.
            self.open(stage.url)
            browser.click("#chats .name")
            browser.wait("document.querySelector('.prose')")
            self.assertEqual(
                browser.js("return document.querySelectorAll('.prose img, .prose script').length"),
                0,
            )

    def test_the_page_is_under_its_policy(self):
        self.open(server.url)
        refused = browser.js(
            "const s = document.createElement('script'); try { s.text = 'window.ran = 1';"
            "document.body.append(s); } catch (e) { return 'refused' } return window.ran ? 'ran' : 'refused'"
        )
        self.assertEqual(refused, "refused")
        browser.log()  # that was a complaint on purpose

    def test_sha256_of_files_is_right(self):
        self.open(server.url)
        cases = json.loads(
            browser.module(
                """
                const { sha256 } = await import('/page/sha256.js');
                const out = [];
                for (const size of [0, 1, 55, 56, 63, 64, 65, 1000, 70000]) {
                  const bytes = new Uint8Array(size).map((_, i) => i * 31);
                  const want = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
                  const hex = [...want].map((b) => b.toString(16).padStart(2, '0')).join('');
                  out.push([size, await sha256(new Blob([bytes])) === hex]);
                }
                return JSON.stringify(out);
                """
            )
        )
        self.assertTrue(all(right for _, right in cases), cases)


if __name__ == "__main__":
    unittest.main()
