"""Whether stages may change something, and on whose word: a person's, by the cluster's name."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.stage.parameters import ACTING_STAGES


@dataclass(frozen=True, slots=True)
class Acting:
    """What a person has said: the cluster's name to act on (empty: plan only), acts decided, how long to wait."""

    confirm: str = ""
    consent: str = ""
    wait: str = "30m"
    without_lease: bool = False

    def parameters(self, stage: str) -> dict[str, str]:
        """The notebook's parameters; a stage that never acts is run in mode plan."""
        acts = bool(self.confirm) and stage in ACTING_STAGES
        return {
            "mode": "apply" if acts else "plan",
            "confirm": self.confirm,
            "consent": self.consent,
            "wait": self.wait,
            "without_lease": "yes" if self.without_lease else "no",
        }


READ_ONLY = Acting()
