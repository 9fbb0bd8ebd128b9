"""Why a notebook cannot be run at all, said before anything is: what papermill would stumble over, and what to do about it.

Nothing is written and no kernel started for this; the notebooks beside it are run all the same.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CHOOSE = "open it in JupyterLab, choose a kernel and save it"
_SAVED = "name a file that Jupyter has saved"


class _NotRunError(Exception):
    """What is wrong, and the next act."""


def why_not(notebook: Path, target: Path, parameters: Mapping[str, str]) -> str:
    """What is wrong with it and the next act, in one line; nothing when it can be run."""
    try:
        _read(notebook)
        if target.is_dir():
            raise _NotRunError(f"{target}, which it would become, is a folder: name another one with --outputs")
        _kernel(_loaded(notebook), parameters)
    except _NotRunError as wrong:
        return str(wrong)
    return ""


def plain_path(path: Path) -> str:
    """A path that papermill, which formats it with the parameters, takes as it is."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _read(notebook: Path) -> None:
    """Look at the file as such: nbformat says of most of this that it is not JSON."""
    try:
        text = notebook.read_bytes().decode()
        found = json.loads(text) if text.strip() else None
    except OSError as error:
        raise _NotRunError(f"it cannot be read ({error.strerror}): see to its permissions") from error
    except UnicodeDecodeError as error:
        raise _NotRunError(f"it is not text in UTF-8: {_SAVED}") from error
    except (ValueError, RecursionError) as error:
        raise _NotRunError(f"it is not JSON ({_line(error)}): {_SAVED}") from error
    if found is None:
        raise _NotRunError(f"it is empty: {_SAVED}")
    version = found.get("nbformat") if isinstance(found, dict) else None
    if not isinstance(version, int):
        raise _NotRunError(f"it is JSON and no notebook (no nbformat): {_SAVED}")
    if version < 4:
        raise _NotRunError(f"it is of notebook format {version}, which names no kernel: {_CHOOSE}")


def _loaded(notebook: Path) -> Any:
    from papermill.iorw import load_notebook_node

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # papermill reads it again, and says it then
            return load_notebook_node(str(notebook))
    except Exception as error:  # what a file of anybody's makes nbformat raise is written down nowhere
        raise _NotRunError(
            f"it cannot be read as a notebook ({type(error).__name__}: {_line(error)}): {_SAVED}"
        ) from error


def _kernel(notebook: Any, parameters: Mapping[str, str]) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    spec = notebook.metadata.get("kernelspec", {})
    name = spec.get("name") if isinstance(spec, dict) else None
    if not name or not isinstance(name, str):
        raise _NotRunError(f"it names no kernel: {_CHOOSE}")
    installed = KernelSpecManager()
    try:
        found = installed.get_kernel_spec(name)
    except NoSuchKernel:
        there = ", ".join(sorted(installed.find_kernel_specs())) or "none"
        raise _NotRunError(
            f"there is no kernel {name!r} here (installed: {there}): install that one, or {_CHOOSE}"
        ) from None
    if not _starts(found):
        raise _NotRunError(
            f"its kernel {name!r} starts with {(found.argv or [''])[0]!r}, which is not there: install it again"
        )
    if parameters:
        _translator(notebook, name)


def _starts(spec: Any) -> bool:
    """Whether its program is there; how another provisioner starts one is its own affair."""
    version = sys.version_info
    own = {"python", f"python{version[0]}", f"python{version[0]}.{version[1]}"}  # jupyter takes this interpreter for it
    program = (spec.argv or [""])[0]
    return (
        "kernel_provisioner" in spec.metadata
        or program in own
        or shutil.which(program, path=spec.env.get("PATH")) is not None
    )


def _translator(notebook: Any, kernel: str) -> None:
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators
    from papermill.utils import nb_language

    try:
        papermill_translators.find_translator(kernel, nb_language(notebook))
    except (PapermillException, ValueError) as error:
        raise _NotRunError(f"it takes no parameters ({_line(error)}): run it without -p, or {_CHOOSE}") from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
