"""What is measured beside ours, where it is found, and what the figures were measured on."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("kubernetes", "msgspec", "httpcore", "papermill", "nbconvert", "ipykernel", "pandas", "rebuild-runbook")


def tool(name: str) -> str:
    """The program beside this interpreter, as the test extra installs kubectl, or on the PATH; empty where there is none."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name) or ""


def machine() -> dict[str, str]:
    """The machine, and the versions of everything that is measured."""
    return {
        "cpu": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{_system()} ({platform.system()} {platform.release()} {platform.machine()})",
        "python": platform.python_version(),
        "kubectl": _kubectl(),
        "curl": _curl(),
        **{name: version(name) for name in _LIBRARIES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, "") or platform.processor() or "unknown"


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "unknown"


def _kubectl() -> str:
    said = _said("kubectl", "version", "--client", "--output", "json")
    return str(json.loads(said)["clientVersion"]["gitVersion"]) if said else "not here"


def _curl() -> str:
    words = _said("curl", "--version").split()
    return words[1] if len(words) > 1 else "not here"


def _said(name: str, *arguments: str) -> str:
    found = tool(name)
    if not found:
        return ""
    return subprocess.run([found, *arguments], stdout=subprocess.PIPE, text=True, check=False, timeout=60).stdout
