#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""noVNC (Debian's novnc) in headless Chromium as the viewer: VNC over a WebSocket with a password, the picture as
the page's canvas has it, and keys. The browser is driven through its DevTools protocol.
"""
import base64, functools, http.server, json, os, re, shutil, socket, subprocess, sys, tempfile, threading, time
import urllib.request
sys.path.insert(0, os.path.join(os.environ["SRC"], "tests/lib"))
from guest import Guest, Skip, run
from rfb import WebSocket
from screen import text_of

NOVNC = "/usr/share/novnc"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CANVAS = """(() => { const c = document.querySelector('canvas');
    if (!c || !c.width) return '';
    const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
    let s = '';
    for (let i = 0; i < d.length; i += 8192) s += String.fromCharCode.apply(null, d.subarray(i, i + 8192));
    return c.width + ' ' + c.height + ' ' + btoa(s); })()"""


class Page:
    """A page of a Chromium of our own."""

    def __init__(self, url, home):
        self.log = os.path.join(home, "log")
        self.p = subprocess.Popen([CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                                   f"--user-data-dir={home}", "--window-size=1100,850", url], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=open(self.log, "w"), start_new_session=True)
        port = self.until(lambda: re.search(r"listening on ws://127.0.0.1:(\d+)/", open(self.log).read()))[1]
        open_ = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        pages = self.until(lambda: [x for x in json.load(open_(f"http://127.0.0.1:{port}/json")) if x["type"] == "page"])
        s = socket.create_connection(("127.0.0.1", int(port)), 60)
        self.ws, self.id = WebSocket(s, path="/devtools/page/" + pages[0]["id"]), 0

    def until(self, what, guard=120):
        end = time.monotonic() + guard
        while not (found := what()):
            assert time.monotonic() < end and self.p.poll() is None, open(self.log).read()[-2000:]
            time.sleep(0.3)
        return found

    def ask(self, method, **params):
        self.id += 1
        self.ws.sendall(json.dumps({"id": self.id, "method": method, "params": params}).encode(), first=0x81)
        while True:
            answer = json.loads(self.ws.frame()[1])
            if answer.get("id") == self.id:
                assert "error" not in answer, answer
                return answer["result"]

    def canvas(self):
        """-> width, height, RGBA; None: nothing there yet"""
        value = self.ask("Runtime.evaluate", expression=CANVAS)["result"].get("value")
        if not value:
            return None
        w, h, data = value.split()
        return int(w), int(h), base64.b64decode(data)

    def text(self):
        canvas = self.canvas()
        return "\n".join(text_of(canvas[2], canvas[0], canvas[1])) if canvas else ""

    def key(self, key, code, number, modifiers=0):
        for kind in "rawKeyDown", "keyUp":
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number, modifiers=modifiers)

    def type(self, text):
        for c in text:
            if c == "\n":
                self.key("Enter", "Enter", 13)
            else:
                self.key(c, {" ": "Space"}.get(c, "Key" + c.upper()), ord(c.upper()))

    def close(self):
        self.p.terminate()
        self.p.wait()


def novnc():
    if not CHROMIUM or not os.path.exists(f"{NOVNC}/vnc.html"):
        raise Skip("chromium or novnc is not installed")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=NOVNC)
    handler.func.log_message = lambda *a: None
    g = Guest("-m", "32", "-nodefaults", "-vga", "std", "-name", "browsed", "-vnc",
              "127.0.0.1:0,to=99,websocket=on,password=on", "-monitor", "vc")
    try:
        g.monitor("set_password vnc secret")
        port = int(re.search(r"127\.0\.0\.1:(\d+) \(ipv4 \(Websocket\)\)", g.monitor("info vnc"))[1])
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, \
                tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as home:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            page = Page(f"http://127.0.0.1:{server.server_port}/vnc.html?autoconnect=true&host=127.0.0.1&port={port}"
                        "&path=&encrypt=0&password=secret", home)
            try:
                page.until(lambda: "No bootable device" in page.text())
                assert "browsed" in page.ask("Runtime.evaluate", expression="document.title")["result"]["value"]
                shot = os.path.join(g.dir, "shot.ppm")
                g.monitor(f"screendump {shot}")
                _, size, _, rgb = open(shot, "rb").read().split(b"\n", 3)
                w, h, pixels = page.canvas()
                assert (w, h) == tuple(map(int, size.split())), (w, h, size)
                cursor = sum(pixels[4 * i:4 * i + 3] != rgb[3 * i:3 * i + 3] for i in range(w * h))
                assert cursor <= 32, f"{cursor} pixels differ"
                page.ask("Input.dispatchKeyEvent", type="rawKeyDown", key="Control", code="ControlLeft", modifiers=2)
                page.ask("Input.dispatchKeyEvent", type="rawKeyDown", key="Alt", code="AltLeft", modifiers=3)
                page.key("2", "Digit2", 50, 3)
                page.ask("Input.dispatchKeyEvent", type="keyUp", key="Alt", code="AltLeft", modifiers=2)
                page.ask("Input.dispatchKeyEvent", type="keyUp", key="Control", code="ControlLeft")
                page.until(lambda: "(qemu)" in page.text())
                page.type("info name\n")
                page.until(lambda: re.search("info name\nbrowsed\n", page.text()))
                if os.environ.get("SHOT"):  # for eyes
                    png = page.ask("Page.captureScreenshot", format="png")["data"]
                    open(os.environ["SHOT"], "wb").write(base64.b64decode(png))
            finally:
                page.close()
                server.shutdown()
    finally:
        g.close()


run({"noVNC in Chromium: password, picture, keys": novnc})
