"""Pages in a real browser: no request leaves, nothing is written to the console, no page scrolls sideways."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_samples import HOSTILE, RUN, hostile, night, red

from runbook.domain.probes import RegistryTrust
from runbook.evidence import Run
from runbook.model import Snapshot
from runbook.report import archive_index, render_stage, run_index, stage_report
from runbook.report.stage import Context

pytestmark = pytest.mark.browser
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
         "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # fmt: skip
ASK = """return {wide: document.documentElement.scrollWidth, room: window.innerWidth, title: document.title,
  loaded: performance.getEntriesByType('resource').map(e => e.name), dark: matchMedia('(prefers-color-scheme: dark)').matches,
  broken: [...document.images].filter(i => !i.complete || !i.naturalWidth).length,
  small: [...document.querySelectorAll('h1,h2,caption,th,td,p,li')].filter(e => e.getClientRects().length && parseFloat(getComputedStyle(e).fontSize) < 11).length,
  waits: [...document.querySelectorAll('.ladder .count small')].map(e => e.closest('li').children[1].getBoundingClientRect().left
    - e.getBoundingClientRect().right),
  scripts: document.scripts.length, alerts: window.alerted === undefined ? 0 : 1}"""


class Driver:
    """chromedriver's HTTP interface (W3C WebDriver), as much of it as these tests need."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["value"]

    def open(self, profile: Path, chromium: str) -> None:
        options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = (
            "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        )

    def command(self, name: str, **params: Any) -> Any:
        return self.call("POST", f"{self.session}/goog/cdp/execute", {"cmd": name, "params": params})

    def log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("POST", f"{self.session}/se/log", {"type": kind})
        return found

    def look(self, address: str, width: int, *, dark: bool = False) -> dict[str, Any]:
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", features=scheme)
        self.log("performance")
        self.call("POST", f"{self.session}/url", {"url": address})
        seen: dict[str, Any] = self.call("POST", f"{self.session}/execute/sync", {"script": ASK, "args": []})
        sent = [json.loads(e["message"])["message"] for e in self.log("performance")]
        seen["asked"] = [m["params"]["request"]["url"] for m in sent if m["method"] == "Network.requestWillBeSent"]
        seen["console"] = [e["message"] for e in self.log("browser")]
        return seen


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        missing = "chromium" if chromium is None else "chromedriver"
        pytest.skip(f"chromium is not installed: {missing} was not found, so no page was looked at in a browser")
    folder = tmp_path_factory.mktemp("browser")
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen([chromedriver, "--port=0", "--allowed-ips=127.0.0.1"], stdout=log, stderr=log)
        try:
            found = Driver(_port(folder / "log"))
            found.open(folder / "profile", chromium)
            yield found
            with contextlib.suppress(OSError):
                found.call("DELETE", found.session)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _port(log: Path) -> int:
    for _ in range(200):
        if match := re.search(r"started successfully on port (\d+)", log.read_text()):
            return int(match[1])
        time.sleep(0.05)
    raise AssertionError(f"chromedriver did not start: {log.read_text()}")


def trust() -> Snapshot:
    said = "x509: certificate signed by unknown authority"
    probes = tuple(
        RegistryTrust(host=h, vantage="beckerbox", runtime="docker", node_read="ok", resolve="ok", connect="ok", chain=said)
        for h in ("192.168.7.21:5000", "registry.flux-system.svc.cluster.local:5000")
    )  # fmt: skip
    return Snapshot(red().ended, "beckerkube", {"RegistryTrust": probes})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One page of each kind, made from results alone."""
    outputs = tmp_path_factory.mktemp("pages") / "outputs"
    facts: dict[str, Any] = {k: RUN[k] for k in ("cluster", "uid", "server", "inventory_digest", "inventory_path", "who", "how", "tool_version")}  # fmt: skip
    run = Run.open(outputs, **facts, time_scale=60.0, now=lambda: red().started, rehearsal=True)
    for result in [*night(), red()]:
        run.new_attempt("verify").write_result(result)
    back = Run.open(outputs, **facts, time_scale=60.0, now=lambda: red().ended, rehearsal=True, looks_at=run.path.name,
                    looks_at_path=str(run.path))  # fmt: skip
    look = back.new_attempt("retrospective")
    look.write_result(replace(red(), stage="retrospective", criteria=(), explanation=None))
    loose = {"trust.html": render_stage(replace(red(), stage="registry-trust"), RUN, Context(trust()))}
    loose |= {f"hostile-{i}.html": render_stage(hostile(t), RUN) for i, t in enumerate(HOSTILE) if i in (1, 2, 7, 9)}
    for name, text in loose.items():
        (outputs / name).write_text(text)
    found = {name: outputs / name for name in loose}
    verify = Run.load(run.path).attempts("verify")[-1].path
    found["verify"] = stage_report(verify, run.as_json(), None)
    found["retrospective"] = stage_report(look.path, back.as_json(), None)
    found["run"], found["archive"] = run_index(run.path), archive_index(outputs)
    return found


@pytest.fixture(scope="module")
def site(pages: dict[str, Path]) -> Iterator[str]:
    """The pages over 127.0.0.1, as an archive is often read; nothing else is served."""
    root = pages["archive"].parent

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(root))

        def log_message(self, *args: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_ask_for_nothing_say_nothing_and_fit(
    driver: Driver, pages: dict[str, Path], site: str, width: int
) -> None:
    root, apart = pages["archive"].parent, []
    for name, path in pages.items():
        address = f"{site}/{path.relative_to(root)}"
        seen = driver.look(address, width)
        apart += seen["waits"]
        assert [a for a in seen["asked"] if not a.startswith("data:")] == [address], name
        assert not [a for a in seen["loaded"] if not a.startswith("data:")], name
        assert not seen["console"], name
        assert seen["wide"] <= seen["room"] == width, f"{name} scrolls sideways: {seen['wide']} in {seen['room']}"
        assert not seen["broken"] + seen["scripts"] + seen["alerts"] + seen["small"], (name, seen)
    assert min(apart) >= 6, "how many wait runs into the title of what they wait for"


def test_dark_mode_is_dark_and_keeps_text_readable(driver: Driver, pages: dict[str, Path], site: str) -> None:
    root = pages["archive"].parent
    colour = "return [document.body, document.querySelector('h1')].map((e, i) => getComputedStyle(e)[i ? 'color' : 'backgroundColor'])"
    for dark in (False, True):
        assert driver.look(f"{site}/{pages['verify'].relative_to(root)}", 1280, dark=dark)["dark"] is dark
        page, ink = driver.call("POST", f"{driver.session}/execute/sync", {"script": colour, "args": []})
        assert contrast(_rgb(page), _rgb(ink)) > 7
        assert (luminance(_rgb(page)) < 0.2) is dark


def _rgb(said: str) -> list[float]:
    return [int(n) / 255 for n in re.findall(r"\d+", said)[:3]]


def luminance(rgb: list[float]) -> float:
    """WCAG 2.2's relative luminance."""
    r, g, b = ((c / 12.92) if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return float(0.2126 * r + 0.7152 * g + 0.0722 * b)


def contrast(one: list[float], other: list[float]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
