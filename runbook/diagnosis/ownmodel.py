"""What a team's own file of causes may hold: the same as causes.schema.json says to editors, read strictly.

Nothing is made to fit: `safe: "no"` is a text and not false, and a list of one is a list.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from runbook.diagnosis.causetypes import Layer

SCHEMA = "runbook/causes/v1"
ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
Role = Literal["cause", "symptom"]
Stage = Literal["preflight", "registry-trust", "cleanup", "reconcile", "verify", "diagnose"]
Text = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Text], Field(min_length=1)]
# The empty name is that of nobody known.
NameOrNames = Annotated[
    list[str], Field(min_length=1), BeforeValidator(lambda given: [given] if isinstance(given, str) else given)
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Signature(_Strict):
    """One way a cause shows."""

    by: str = ""
    versions: Text = ""
    match: Annotated[str, Field(min_length=3)] = ""
    peer: NameOrNames = []
    fault: NameOrNames = []
    kinds: Annotated[list[str], Field(min_length=1)] = []
    reasons: Names = []
    exit_codes: Annotated[list[Annotated[int, Field(ge=1, le=255)]], Field(min_length=1)] = []
    unless: Text = ""
    rank: Annotated[int, Field(ge=-1, le=99)] = 0
    weak: bool = False

    @model_validator(mode="before")
    @classmethod
    def _shows(cls, given: Any) -> Any:
        if isinstance(given, dict) and not {"match", "fault", "reasons", "exit_codes"} & set(given):
            raise PydanticCustomError("shows_nothing", "a signature needs match, fault, reasons or exit_codes")
        return given


class Structure(_Strict):
    """Where the kind of object says more than the words."""

    kinds: Names
    becomes_of: Text
    fault: Text


class Next(_Strict):
    """The next act."""

    text: Text
    command: str = ""
    safe: bool = False


class Words(_Strict):
    """Words of one's own for a cause that is known."""

    id: Text
    signatures: Annotated[list[Signature], Field(min_length=1)]


class Own(_Strict):
    """A cause of one's own."""

    id: Annotated[str, StringConstraints(pattern=ID)]
    title: Text
    layer: Layer
    role: Role
    meaning: Text
    signatures: Annotated[list[Signature], Field(min_length=1)]
    next: Next
    decides: Text
    stage: Stage = "verify"
    hypothesis: bool = False
    over: NameOrNames = []
    structure: Structure = Field(default_factory=Structure.model_construct)  # left out, or whole: never null
    captures: list[Text] = []
    docs: str = ""


class File(_Strict):
    """The file, of which the causes are read one by one."""

    schema_: Annotated[Literal["runbook/causes/v1"], Field(alias="schema")]
    causes: list[Any]
