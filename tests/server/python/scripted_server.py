"""A server whose model says what a test wants it to say: the real one in front, but for /api/chat."""

import http.client
import http.server
import json
import threading
import time


class ScriptedServer:
    """answers: from the text of the last message to pieces, each a message's fields or seconds to
    wait; None: the real one answers, what change did to the body. sees: models say that they do."""

    def __init__(self, behind, answers, sees=False, change=None):
        self.behind = behind  # host:port of an Ingot server
        self.answers = answers
        self.sees = sees
        self.change = change
        self.requests = []  # bodies of /api/chat
        self.gone = threading.Event()  # a reader left before the end
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def relay(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if self.path == "/api/chat" and outer.answers:
                    outer.chat(self, json.loads(body))
                    return
                if self.path == "/api/chat" and outer.change:
                    changed = json.loads(body)
                    outer.change(changed)
                    body = json.dumps(changed).encode()
                connection = http.client.HTTPConnection(outer.behind, timeout=30)
                headers = {
                    k: v
                    for k, v in self.headers.items()
                    if k.lower() not in ("host", "origin", "connection", "content-length")
                }
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                data = answer.read()
                connection.close()
                if self.path == "/api/tags" and outer.sees:
                    data = data.replace(b'"capabilities":[', b'"capabilities":["vision",')
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_POST = do_HEAD = do_DELETE = relay

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def chat(self, handler, body):
        self.requests.append(body)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-ndjson")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        done = {
            "done": True,
            "done_reason": "stop",
            "message": {"role": "assistant", "content": ""},
            "prompt_eval_count": 412,
            "prompt_eval_cached_count": 380,
            "eval_count": 96,
            "eval_duration": 2_300_000_000,
        }
        try:
            for piece in self.answers(body["messages"][-1].get("content", "")):
                if isinstance(piece, (int, float)):
                    time.sleep(piece)
                elif "done" in piece or "error" in piece:
                    self.line(handler, piece)
                else:
                    self.line(
                        handler,
                        {"done": False, "message": {"role": "assistant", "content": "", **piece}},
                    )
            self.line(handler, done)
            handler.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.gone.set()

    def line(self, handler, value):
        data = (json.dumps(value) + "\n").encode()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        handler.wfile.flush()
