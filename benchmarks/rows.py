"""What a benchmark found: rows of figures for people, numbers with units and every sample for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measure import Sample


@dataclass(frozen=True)
class Row:
    """One figure: without a value it could not be measured here. A ratio has no unit."""

    what: str
    value: float | None
    unit: str = ""
    goal: str = ""
    note: str = ""
    digits: int = 2

    @property
    def figure(self) -> str:
        """As it is printed."""
        return "-" if self.value is None else f"{self.value:,.{self.digits}f} {self.unit}".rstrip()


@dataclass(frozen=True)
class Numbers:
    """Samples that are no whole processes, in their order."""

    unit: str
    values: Sequence[float]


Samples = Mapping[str, Sequence[Sample] | Numbers]


@dataclass(frozen=True)
class Found:
    """The rows of one benchmark, and by way all samples that they were made from."""

    rows: Sequence[Row]
    samples: Samples = field(default_factory=dict)


def turns(rounds: int) -> str:
    """How often each way was measured."""
    return f"{rounds} round{'s' * (rounds != 1)}"


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as a table."""
    width = max((len(row.what) for row in rows), default=0)
    for row in rows:
        told = "; ".join(filter(None, (row.goal and f"goal {row.goal}", row.note)))
        yield f"{row.what:<{width}}  {row.figure:>12}  {told}".rstrip()


def as_json(found: Found) -> dict[str, Any]:
    """The same as numbers: each row's value with its unit, each way's samples with theirs."""
    rows = [{k: v for k, v in asdict(row).items() if k != "digits"} for row in found.rows]
    return {
        "rows": [{**row, "what": row["what"].strip()} for row in rows],
        "samples": {name: _numbers(samples) for name, samples in found.samples.items()},
    }


def _numbers(samples: Sequence[Sample] | Numbers) -> Any:
    if isinstance(samples, Numbers):
        return {"unit": samples.unit, "values": list(samples.values)}
    return {
        "seconds": {"unit": "s", "values": [s.seconds for s in samples]},
        "peak_memory": {"unit": "MB", "values": [s.peak_mb for s in samples]},
        "exit_codes": [s.exit_code for s in samples],
    }
