"""The chat page in headless Chromium: page_test.py INGOT SCREENSHOTS

Against a server on the demo model, and, for what no model says at will, against one whose answers
are scripted, behind which the real one serves everything else, the page and its headers too.
"""

import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from docker_registry import DockerRegistry
from injections import INJECTIONS, SCRIPTS, SMALL
from scripted_server import ScriptedServer
from server_process import MODEL, ROOT, ServerProcess, program
from webdriver import Browser

INGOT = program()
SHOTS = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build/screenshots")
SOAK = bool(os.environ.get("INGOT_SOAK"))
CORPUS = INJECTIONS if SOAK else SMALL
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
KEYS = "ann infer ann-secret-0123456789\nmeg manage meg-secret-0123456789\n"

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
        evil = CORPUS[int(text.split()[1])]
        if len(evil) > 15_000:
            yield {"content": evil}
            return
        # In a thought, in the text, cut where no tag is whole, and in what is called.
        yield {"thinking": evil}
        for i in range(0, len(evil), 7):
            yield {"content": evil[i : i + 7]}
        call = {"name": evil[:200], "arguments": {evil[:200]: evil[:2000]}}
        yield {"tool_calls": [{"id": evil[:50], "function": call}]}
        if "alert" in evil[:100]:
            yield {"error": evil[:500]}
    elif "picture" in text:
        yield {"content": "A picture."}
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
    for old in SHOTS.glob("*.png"):
        old.unlink()
    print(f"screenshots: {SHOTS}", flush=True)
    server = ServerProcess(INGOT)
    unittest.addModuleCleanup(server.stop)
    browser = Browser()
    unittest.addModuleCleanup(browser.__exit__)


DONE = "!document.querySelector('.running') && document.querySelector('#messages > :last-child .stats')"
# Scripts that ran, and what the policy kept from happening.
WATCH = """
    window.hit = []; window.alert = (x) => window.hit.push('alert ' + x);
    document.addEventListener('securitypolicyviolation',
                              (e) => window.hit.push(e.violatedDirective + ' ' + e.blockedURI));
"""
HARMFUL = """
    const bad = [];
    for (const node of document.querySelectorAll('#messages *, #chats *, #model *, .model-row *')) {
      const tag = node.tagName.toLowerCase();
      if (['script', 'iframe', 'img', 'style', 'object', 'embed', 'link', 'base', 'meta', 'video',
           'audio', 'math', 'template', 'frame', 'applet', 'marquee'].includes(tag)) bad.push(tag);
      for (const {name, value} of node.attributes) {
        if (name.startsWith('on') || name === 'style' || name === 'src' || name === 'srcdoc' ||
            name === 'formaction' || name === 'action') bad.push(tag + ' ' + name);
        if (name === 'href' && !/^(https?:|mailto:)/.test(value)) bad.push(value);
      }
    }
    return bad;
"""


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
            # A window opens and closes by keys, and gives back what had the focus.
            browser.js("document.querySelector('#open-models').focus()")
            browser.press("Enter")
            browser.wait("document.querySelector('#models').open")
            inside = "document.querySelector('#models').contains(document.activeElement)"
            self.assertTrue(browser.js(f"return {inside}"))
            browser.press("Escape")
            browser.wait("!document.querySelector('#models').open")
            self.assertEqual(browser.js("return document.activeElement.id"), "open-models")
            # Everything that has the focus shows it.
            browser.press("Tab")
            ring = "getComputedStyle(document.activeElement)"
            self.assertTrue(
                browser.js(f"return {ring}.outlineStyle !== 'none' || {ring}.boxShadow !== 'none'")
            )
            browser.js("document.activeElement.blur()")
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
            # Sent, stopped and begun anew without a mouse.
            browser.js("document.querySelector('#prompt').value = ''")
            self.say("endless")
            browser.wait("document.querySelector('.prose')?.textContent.length")
            browser.press("Escape")
            browser.wait(DONE)
            self.assertIn("stopped", self.last(".stats"))
            browser.press("Control", "Shift", "o")
            browser.wait("document.querySelectorAll('.answer').length === 0")
            self.assertEqual(browser.js("return document.activeElement.id"), "prompt")

    def test_pictures_are_for_models_that_see(self):
        self.open(server.url)
        self.assertTrue(browser.js("return document.querySelector('#attach').hidden"))
        browser.js(
            "const data = new DataTransfer(); data.items.add(new File(['x'], 'a.png', {type: 'image/png'}));"
            "document.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))"
        )
        browser.wait("!document.querySelector('#toast').hidden")
        self.assertIn("cannot see", browser.text("#toast"))
        self.assertTrue(browser.js("return document.querySelector('#attachments').hidden"))
        self.assertEqual(browser.js("return location.pathname"), "/")

    def drop(self, name, kind, data):
        browser.js(
            "const bytes = Uint8Array.from(atob(arguments[2]), (c) => c.charCodeAt(0));"
            "const data = new DataTransfer(); data.items.add(new File([bytes], arguments[0], {type: arguments[1]}));"
            "for (const kind of ['dragenter', 'dragover', 'drop'])"
            "  document.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}))",
            name,
            kind,
            data,
        )

    def test_pictures_are_dropped_shown_and_sent(self):
        with ScriptedServer(server.address, scripted, sees=True) as stage:
            self.open(stage.url)
            self.assertFalse(browser.js("return document.querySelector('#attach').hidden"))
            self.drop("a.svg", "image/svg+xml", base64.b64encode(b"<svg/>").decode())
            browser.wait("!document.querySelector('#toast').hidden")
            self.assertIn("a.svg", browser.text("#toast"))
            for name in ("one.png", "two.png"):
                self.drop(name, "image/png", PICTURE)
            browser.wait("document.querySelectorAll('.attachment canvas').length === 2")
            browser.click(".attachment [aria-label='Remove picture 2']")
            browser.wait("document.querySelectorAll('.attachment').length === 1")
            browser.shot(SHOTS / "picture.png")
            self.say("What is in the picture?")
            browser.wait(DONE)
            self.assertEqual(stage.requests[-1]["messages"][-1]["images"], [PICTURE])
            self.assertEqual(
                browser.js("return document.querySelectorAll('.bubble canvas').length"), 1
            )
        # A model that says it sees, and a server that knows better.
        with ScriptedServer(server.address, None, sees=True) as stage:
            self.open(stage.url)
            self.drop("one.png", "image/png", PICTURE)
            browser.wait("document.querySelector('.attachment canvas')")
            self.say("What is in the picture?")
            browser.wait("document.querySelector('.error-box:not([hidden])')")
            self.assertIn("does not support images", self.last(".error-box"))
            browser.log()  # the status of the refusal is no complaint

    def test_the_models_window_lists_and_tells_of_failures(self):
        self.open(server.url)
        browser.click("#open-models")
        self.assertIn("demo", browser.text(".model-row"))
        browser.type("#pull-name", "127.0.0.1:1/nobody/nothing")
        browser.press("Enter")
        browser.wait("document.querySelector('.job.bad')", what="the failure of the pull")
        browser.shot(SHOTS / "models.png")
        browser.log()  # the status of the refusal is no complaint

    def test_managers_pull_import_and_remove_with_progress(self):
        """On a store of its own: a key, its role, a registry, a folder, two models to pick from."""
        with (
            DockerRegistry() as registry,
            tempfile.TemporaryDirectory(prefix="ingot-page.") as empty,
        ):
            reference = f"http://{registry.address}/lib/{MODEL}:latest"
            environment = ServerProcess.environment()
            for command in (["cp", MODEL, reference], ["push", reference, "--insecure"]):
                subprocess.run([INGOT, *command], env=environment, check=True, capture_output=True)
            subprocess.run(
                [INGOT, "rm", reference], env=environment, check=True, capture_output=True
            )
            own = ServerProcess(INGOT, keys=KEYS, variables={"INGOT_MODELS": empty})
            self.addCleanup(own.stop)
            # Whoever may only ask is offered nothing else.
            self.sign_in(own, "ann-secret-0123456789")
            browser.click("#open-models")
            browser.wait("document.querySelector('#models').open")
            self.assertTrue(browser.js("return document.querySelector('#manage').hidden"))
            self.sign_in(own, "meg-secret-0123456789")
            browser.click("#open-models")
            browser.wait("!document.querySelector('#manage').hidden")
            self.watch_progress()

            browser.type("#pull-name", reference)
            browser.click("#pull-insecure")
            browser.click("#pull button[type=submit]")
            browser.wait("document.querySelector('.job.good')", what="the end of the pull")
            pulled = f"{registry.address}/lib/{MODEL}:latest"
            browser.wait(
                "document.querySelector('.model-row strong')?.textContent === arguments[0]", pulled
            )
            self.assert_progress("pulling")

            browser.js("window.seen = []")
            browser.type("#import-name", "copper")
            browser.js("document.querySelector('#import-type').value = 'int8'")
            browser.type("#import-folder", str(ROOT / "demo/model"))
            browser.click("#import button[type=submit]")
            browser.wait(
                "document.querySelectorAll('.job.good').length === 2", seconds=60, what="the import"
            )
            self.assert_progress("sending model.safetensors")
            browser.wait("document.querySelectorAll('.model-row').length === 2")
            browser.shot(SHOTS / "managing.png")
            self.assertIn("int8", browser.text("#model-list"))
            browser.press("Escape")

            # Two to pick from; the one that is picked answers.
            browser.wait("document.querySelectorAll('#model option').length === 2")
            browser.js(
                "const m = document.querySelector('#model'); m.value = 'copper:latest';"
                "m.dispatchEvent(new Event('change'))"
            )
            self.say("What is 47+38?")
            browser.wait(DONE, what="the answer of what was imported")
            self.assertEqual(
                browser.js("return document.querySelector('.answer').ariaLabel"), "copper:latest"
            )
            self.assertEqual(self.last(), "85")

            browser.click("#open-models")
            browser.js("window.confirm = () => true")
            browser.click(f".model-row [aria-label='Remove {pulled}']")
            browser.wait("document.querySelectorAll('.model-row').length === 1")
            # A cancelled one is said to be that.
            browser.type("#pull-name", f"{registry.silent_address}/lib/x:latest")
            browser.click("#pull button[type=submit]")
            browser.click(".job:not(.good) [aria-label='Cancel']")
            browser.wait("document.querySelector('.job.bad .note')?.textContent === 'Cancelled'")
            browser.press("Escape")
            browser.js("sessionStorage.clear()")
            browser.log()  # 401 before the key was given is no complaint

    def sign_in(self, own, key):
        browser.open(own.url)
        browser.js("sessionStorage.clear()")
        browser.open(own.url)
        browser.wait("document.querySelector('#key-dialog').open")
        browser.shot(SHOTS / "key.png")
        browser.type("#key", key)
        browser.press("Enter")
        browser.wait("!document.querySelector('#key-dialog').open")
        browser.wait("document.querySelector('#model option').text !== 'Loading…'")
        browser.log()

    def watch_progress(self):
        browser.js(
            "window.seen = []; new MutationObserver(() => {"
            "  const job = document.querySelector('.job'); const bar = job?.querySelector('progress');"
            "  if (job) window.seen.push([job.querySelector('.note').textContent, bar ? bar.position : 2]);"
            "}).observe(document.querySelector('#jobs'), {subtree: true, childList: true, attributes: true, characterData: true})"
        )

    def assert_progress(self, words):
        """The bar rose from nothing to all, and words said what it was."""
        seen = browser.js("return window.seen")
        bars = [bar for _, bar in seen if 0 <= bar <= 1]
        self.assertTrue(any(text.startswith(words) and " of " in text for text, _ in seen), seen)
        self.assertGreater(max(bars), 0.9, seen)
        self.assertEqual(seen[-1][0], "Done")

    def test_injections_stay_text(self):
        with ScriptedServer(server.address, scripted) as stage:
            self.open(stage.url)
            browser.js(WATCH)
            fetched = len(
                browser.js("return performance.getEntriesByType('resource').map(e => e.name)")
            )
            started = time.monotonic()
            for i in range(len(CORPUS)):
                # A conversation of all of them would be sent again with each.
                browser.click("#new-chat")
                browser.js(
                    "const p = document.querySelector('#prompt'); p.value = arguments[0];"
                    "p.dispatchEvent(new Event('input')); document.querySelector('#composer').requestSubmit()",
                    f"INJECT {i}",
                )
                browser.wait(f"document.querySelectorAll('.answer').length === 1 && {DONE}")
                browser.js(
                    "for (const one of document.querySelectorAll('details')) one.open = true"
                )
                self.assertEqual(browser.js(HARMFUL), [], CORPUS[i][:300])
            self.assertLess(time.monotonic() - started, 10 * len(CORPUS))
            browser.shot(SHOTS / "injections.png")
            self.assertEqual(browser.js("return window.hit"), [])
            names = browser.js("return performance.getEntriesByType('resource').map(e => e.name)")
            outside = [name for name in names[fetched:] if not name.startswith(stage.url)]
            self.assertEqual(outside, [])
            # What was kept is shown again when the page is opened anew, just as harmlessly.
            self.open(stage.url)
            browser.js(WATCH)
            browser.click("#chats .name")
            browser.wait("document.querySelector('.prose')")
            self.assertEqual(browser.js(HARMFUL), [])
            self.assertEqual(browser.js("return window.hit"), [])

    def test_what_the_model_itself_was_made_to_say_stays_text(self):
        """The real server and model: a schema leaves the model nothing else to say."""
        scripts = SCRIPTS if SOAK else SCRIPTS[2:5]
        evil = iter(scripts)

        def forced(body):
            body["format"] = {
                "type": "object",
                "properties": {"x": {"const": next(evil)}},
                "required": ["x"],
            }
            body["options"] = {"temperature": 0, "num_predict": 400}

        with ScriptedServer(server.address, None, change=forced) as stage:
            self.open(stage.url)
            browser.js(WATCH)
            for script in scripts:
                browser.click("#new-chat")
                self.say("Go on.")
                browser.wait(DONE)
                self.assertIn("alert" if "alert" in script else "evil", self.last())
                kept = browser.js(
                    "return JSON.parse(localStorage['ingot.chats'])[0].messages.at(-1).content"
                )
                self.assertEqual(json.loads(kept)["x"], script)
                self.assertEqual(browser.js(HARMFUL), [])
            self.assertEqual(browser.js("return window.hit"), [])

    def test_the_page_is_under_its_policy(self):
        self.open(server.url)
        refused = browser.js(
            "const s = document.createElement('script'); try { s.text = 'window.ran = 1';"
            "document.body.append(s); } catch (e) { return 'refused' } return window.ran ? 'ran' : 'refused'"
        )
        self.assertEqual(refused, "refused")
        # Nothing is asked of any other place, not even a picture.
        browser.js(WATCH)
        browser.js("new Image().src = 'https://evil.example/leak'")
        browser.wait("window.hit.length")
        self.assertEqual(browser.js("return window.hit"), ["img-src https://evil.example/leak"])
        browser.log()  # those were complaints on purpose
        connection = http.client.HTTPConnection(server.address, timeout=20)
        for path in ("/", "/page/app.js", "/page/style.css", "/page/icon.svg"):
            connection.request("GET", path, headers={"Accept": "text/html"})
            answer = connection.getresponse()
            text = answer.read().decode()
            self.assertEqual(answer.status, 200)
            policy = answer.headers["Content-Security-Policy"].split("; ")
            self.assertEqual(policy[0], "default-src 'self'")
            for one in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
                self.assertIn(one, policy)
            self.assertNotRegex(answer.headers["Content-Security-Policy"], "unsafe|\\*|https?:")
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertNotRegex(text, r"(src|href)=[\"']?(https?:)?//")
        connection.close()

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
