"""JupyterLab on a private copy of the notebooks: what is run there never lands in the repository or the package."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from runbook.display import Talk
from runbook.embedded import EmbeddedCluster
from runbook.errors import ParameterError
from runbook.settings import notebooks_dir, outputs_dir


def open_lab(
    *,
    inventory: Path | None,
    port: int,
    browser: bool,
    outputs: Path | None,
    kubeconfig: str | None,
    context: str | None,
) -> int:
    """Open Lab for an inventory; without one the first cell of each notebook says what to do."""
    if inventory is not None and not inventory.is_file():
        raise ParameterError(f"{inventory} is not a file", field="--inventory")
    settings = {
        "RUNBOOK_INVENTORY": str(inventory.resolve()) if inventory else "",
        "RUNBOOK_KUBECONFIG": kubeconfig or "",
        "RUNBOOK_CONTEXT": context or "",
    }
    return _serve(settings, outputs_dir(outputs), port=port, browser=browser)


def open_rehearsal_lab(*, scenario: str, until: str, port: int, browser: bool, outputs: Path | None) -> int:
    """Open Lab on an embedded cluster of its own, stopped at a frame of its scenario (the first one by default)."""
    talk = Talk()
    with EmbeddedCluster(scenario, time_scale=60, until=until) as cluster:
        wanted = until or (cluster.frames[0].name if cluster.frames else "")
        while wanted:
            frame = cluster.wait_for_frame(lambda event: _tell(talk, event))
            if not frame or frame["name"] == wanted:
                break
            cluster.proceed()
        talk.success("cluster", f"stopped at {wanted or 'its start'}: {cluster.ready['server']}")
        settings = {"RUNBOOK_INVENTORY": str(cluster.inventory), "RUNBOOK_KUBECONFIG": str(cluster.kubeconfig)}
        return _serve(settings, outputs_dir(outputs), port=port, browser=browser)


def lab_argv(folder: Path, *, port: int, browser: bool) -> list[str]:
    """The command line of Lab: opened on the preflight notebook, no news prompt, root at the private copy."""
    argv = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}"]
    argv += [
        "--LabApp.default_url=/lab/tree/00-preflight.ipynb",
        "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=",
    ]
    argv = [a for a in argv if not a.endswith("=")]
    argv += ["--ip=127.0.0.1"] + ([] if browser else ["--no-browser"])
    return argv


def _serve(settings: Mapping[str, str], outputs: Path, *, port: int, browser: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="runbook-lab-") as name:
        folder = Path(name) / "notebooks"
        shutil.copytree(notebooks_dir(), folder)
        environment = {**os.environ, **{k: v for k, v in settings.items() if v}, "RUNBOOK_OUTPUTS": str(outputs)}
        Talk().action("lab", f"a private copy of the notebooks; runs are kept in {outputs}. Ctrl-C twice ends Lab.")
        process = subprocess.Popen(lab_argv(folder, port=port, browser=browser), env=environment)
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
            return 0
        finally:
            if process.poll() is None:
                process.terminate()


def _tell(talk: Talk, event: Mapping[str, object]) -> None:
    if event.get("event") == "person":
        talk.action("person", str(event.get("did")))
