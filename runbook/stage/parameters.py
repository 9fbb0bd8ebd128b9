"""Parameters of a notebook: which there are, of which type, and none besides.

papermill runs a notebook with the default when a parameter's name is mistyped; here the first cell refuses, because it
compares what was injected into the kernel with what the stage declares.
"""

from __future__ import annotations

import ast
import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbook.domain.durations import seconds
from runbook.errors import ParameterError
from runbook.evidence import redact

_LINE = {
    "inventory": "path of the inventory: what should be true of the cluster",
    "mode": "plan: look and say what would be done, change nothing; apply: do it, on proof",
    "confirm": "the cluster's name, typed by a person; only needed to apply",
    "consent": "acts that wait for a person's decision and that you decide to do, as the plan names them, by commas",
    "wait": "apply: how long answers are waited for, such as 30m of the cluster's time",
    "without_lease": "yes: act although another operator may be acting, or Leases may not be written; or no",
    "run": "a run's folder or name to join; empty joins or opens one",
    "outputs": "where runs are kept; empty means RUNBOOK_OUTPUTS, else outputs/ beside the notebooks",
    "kubeconfig": "kubeconfig file; empty means KUBECONFIG, else ~/.kube/config",
    "context": "context of the kubeconfig; empty means the inventory's, else the current one",
    "soak": "inventory: as long as the inventory says; or a duration such as 5m; or none",
    "allow_waived": "yes: a stage that only passes thanks to waivers counts as passed; or no",
}
_DEFAULTS = {"mode": "plan", "soak": "inventory", "allow_waived": "no", "wait": "30m", "without_lease": "no"}
_COMMON = ("inventory", "mode", "confirm", "run", "outputs", "kubeconfig", "context", "allow_waived")
_ACTING = ("consent", "wait", "without_lease")
ACTING_STAGES = ("registry-trust", "cleanup", "reconcile")
_STAGES = ("preflight", "registry-trust", "cleanup", "reconcile", "verify", "diagnose")

# stage -> parameter -> its default; a test holds the notebooks' parameters cells against it.
PARAMETERS: dict[str, dict[str, str]] = {
    **{
        s: {
            n: _DEFAULTS.get(n, "")
            for n in (*_COMMON, *(("soak",) if s == "verify" else ()), *(_ACTING if s in ACTING_STAGES else ()))
        }
        for s in _STAGES
    },
    "retrospective": {"run": "", "outputs": ""},
}
_SWITCHES = {"mode": ("plan", "apply"), "allow_waived": ("no", "yes"), "without_lease": ("no", "yes")}
_MARK = re.compile(r"^#\s*Parameters\b")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a notebook was asked, checked."""

    stage: str
    inventory: str = ""
    mode: str = "plan"
    confirm: str = ""
    run: str = ""
    outputs: str = ""
    kubeconfig: str = ""
    context: str = ""
    soak: str = "inventory"
    allow_waived: bool = False
    consent: str = ""
    wait: str = "30m"
    without_lease: bool = False

    @property
    def consents(self) -> tuple[str, ...]:
        """The acts a person consents to, each as the plan names it: `delete-pod Pod/ns/name`."""
        return tuple(part.strip() for part in self.consent.split(",") if part.strip())


def check(stage: str, given: Mapping[str, Any]) -> Parameters:
    """Check names, types and words. Raises ParameterError naming the parameter."""
    if stage not in PARAMETERS:
        raise ParameterError(f"{stage!r} is not a stage{_near(stage, PARAMETERS)}", field="stage")
    refuse_unknown(stage, given)
    values: dict[str, Any] = dict(given)
    for switch in ("allow_waived", "without_lease"):
        if isinstance(values.get(switch), bool):
            values[switch] = "yes" if values[switch] else "no"
    for name, value in values.items():
        _check_one(name, value)
    if values.get("mode") == "apply" and not values.get("confirm"):
        raise ParameterError(
            "to apply, the cluster's name must be typed here, as the inventory has it",
            field="confirm",
            hint='mode = "plan" needs no confirmation and changes nothing.',
        )
    soak = values.get("soak", "inventory")
    if soak not in ("inventory", "none") and not seconds(soak):
        raise ParameterError(f"{soak!r} is not inventory, none or a duration such as 5m", field="soak")
    if not seconds(values.get("wait", "30m")):
        raise ParameterError(f"{values['wait']!r} is not a duration such as 30m", field="wait")
    for switch in ("allow_waived", "without_lease"):
        values[switch] = values.get(switch, "no") == "yes"
    return Parameters(stage, **values)


def refuse_unknown(stage: str, names: Iterable[str]) -> None:
    """Raises ParameterError for a name the stage does not declare, naming the nearest one that it does."""
    declared = PARAMETERS[stage]
    for name in names:
        if name not in declared:
            raise ParameterError(
                f"there is no parameter {name!r} in {stage}{_near(name, declared)}",
                field=name,
                hint=f"Parameters: {', '.join(declared)}. Nothing was touched.",
            )


def refuse_injected(stage: str) -> None:
    """Refuse an unknown name in a cell that papermill injected into this kernel; elsewhere there is nothing to refuse."""
    for source in _history():
        if _MARK.match(source):
            refuse_unknown(stage, _assigned(source))


def environment_default(name: str, value: str) -> str:
    """A parameter left empty takes RUNBOOK_<NAME>, as `runbook lab` and the runner set it."""
    return value or os.environ.get(f"RUNBOOK_{name.upper()}", "")


def describe(name: str) -> str:
    """What a parameter means, for its comment and for --help-notebook."""
    return _LINE[name]


def _check_one(name: str, value: Any) -> None:
    if not isinstance(value, str):
        wanted = f"one of {', '.join(_SWITCHES[name])}" if name in _SWITCHES else "a text"
        raise ParameterError(f"{value!r} is a {type(value).__name__}, not {wanted}; quote it", field=name)
    if name in _SWITCHES and value not in _SWITCHES[name]:
        raise ParameterError(f"{value!r} is none of {', '.join(_SWITCHES[name])}", field=name)
    if redact(value) != value:
        raise ParameterError(
            "looks like a secret; a parameter stands in plain text in the executed notebook",
            field=name,
            hint="Refer to it (a kubeconfig file, an inventory entry), and treat this value as leaked.",
        )


def _near(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


def _history() -> list[str]:
    """The sources of the cells this kernel ran, the running one included; empty outside of a kernel."""
    import sys

    if "IPython" not in sys.modules:
        return []
    from IPython import get_ipython

    shell = get_ipython()
    return [str(s).lstrip() for s in shell.user_ns.get("In", ())] if shell is not None else []


def _assigned(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (t.id for t in targets if isinstance(t, ast.Name))
