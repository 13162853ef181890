"""A small WebDriver client: enough of W3C WebDriver to drive headless Chromium."""

import base64
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Tab": "\ue004",
    "Shift": "\ue008",
    "Control": "\ue009",
}


class Browser:
    """One chromedriver and one window of Chromium, with a profile that is removed at the end."""

    def __init__(self, width=1280, height=860):
        for program in ("chromium", "chromedriver"):
            if not shutil.which(program):
                raise SystemExit(
                    f"{program} is missing: tools/setup.sh installs it (tools/apt.txt)"
                )
        self.profile = tempfile.TemporaryDirectory(
            prefix="ingot-chromium.", ignore_cleanup_errors=True
        )
        self.process = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.port = None
        for line in self.process.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                self.port = int(found.group(1))
                break
        if self.port is None:
            raise SystemExit("chromedriver did not start")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        arguments = [
            "--headless=new",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
            "--no-first-run",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            f"--user-data-dir={self.profile.name}",
            f"--window-size={width},{height}",
        ]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium's sandbox refuses to run as root
        options = {"args": arguments, "binary": shutil.which("chromium")}
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        self.session = ""
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.session = f"/session/{made['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", "")
        finally:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.profile.cleanup()

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        payload = None if method in ("GET", "DELETE") else json.dumps(body or {})
        connection.request(
            method, self.session + path, payload, {"Content-Type": "application/json"}
        )
        value = json.loads(connection.getresponse().read())["value"]
        connection.close()
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(
                f"{method} {path}: {value['error']}: {value['message'].splitlines()[0]}"
            )
        return value

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def js(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def module(self, script):
        """Runs the body of an async function, in which `await import(...)` works."""
        body = f"const done = arguments[0]; (async () => {{ {script} }})().then(done, (e) => done('FAILED ' + e));"
        return self.call("POST", "/execute/async", {"script": body, "args": []})

    def find(self, css):
        return self.call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.call("POST", f"/element/{self.find(css)}/click")

    def type(self, css, text):
        self.call("POST", f"/element/{self.find(css)}/value", {"text": text})

    def press(self, *names):
        """Keys for whatever has the focus; all are held down together."""
        keys = [KEYS.get(name, name) for name in names]
        downs = [{"type": "keyDown", "value": key} for key in keys]
        ups = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.call(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": downs + ups}]}
        )

    def text(self, css):
        return self.js("return document.querySelector(arguments[0])?.textContent ?? null", css)

    def wait(self, condition, *arguments, seconds=20, what=""):
        """Until a JavaScript expression is true; its value."""
        end = time.monotonic() + seconds
        while True:
            value = self.js(f"return {condition}", *arguments)
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"never came: {what or condition}")
            time.sleep(0.03)

    def size(self, width, height):
        """The page's own size, smaller than a window of a desktop could be."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)

    def devtools(self, command, parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def shot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", "/screenshot")))

    def log(self):
        """What the console said since the last call: errors of scripts and of the security policy."""
        return [
            f"{entry['level']}: {entry['message']}"
            for entry in self.call("POST", "/se/log", {"type": "browser"})
        ]
