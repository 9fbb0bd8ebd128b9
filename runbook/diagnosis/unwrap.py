"""From what a controller wrote to one line that can be compared: colours, log formats, line breaks and tails removed.

Only a bounded window of a message is read (its head and its tail, and of what masks and lower case make of them no more
than `WINDOW`), so that no message can be expensive. What was cut, by us or by its emitter, is said.
"""

from __future__ import annotations

import json
import re
from html import unescape
from typing import NamedTuple

from runbook.diagnosis.expression import WINDOW
from runbook.diagnosis.masks import mask

HEAD, TAIL = 3000, 2000
_LIMITS, _CONDITION_LIMIT = (1023, 1024), 20000  # events; conditions
_CUT = ("...", "…", "[truncated]")
_JSON_LIMIT = 100_000

_ANSI = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_ENTITY = re.compile(r"&(?:#\d{1,5}|#x[0-9a-fA-F]{1,4}|quot|apos|amp|lt|gt);")  # and no `&region=` of an address
# A quote inside a quote inside a log line: escaped once more by each.
_QUOTE = re.compile(r'\\{1,15}"')
_HELM_LOGS = "Last Helm logs:"
_SECOND_TRY = re.compile(r"; (?:Get|GET|Head|HEAD) \"?http://")
# Old kubelets guess at credentials before they say what happened.
_GUESS = re.compile(r"this may be because there are no credentials on this request\.?", re.IGNORECASE)
_JSON_FIELD = re.compile(r'"(?:msg|message|log|error|err|reason|cause)"\s*:\s*"((?:[^"\\]|\\.){1,4000})')
_JSON_KEYS = ("msg", "message", "log", "error", "err", "exception", "record", "cause", "errorCauses")

# Who wrapped a message, outermost first. The names are for people: the innermost words decide.
_WRAPPERS = (
    ("an event repeated", re.compile(r"^\(combined from similar events\):", re.IGNORECASE)),
    ("helm-controller", re.compile(r"Helm (?:install|upgrade|rollback|uninstall|test)\b.{0,200} (?:failed|remediation)", re.IGNORECASE)),
    ("Helm", re.compile(r"\b(?:INSTALLATION|INSTALL|UPGRADE|ROLLBACK) FAILED\b|hooks? failed|failed (?:pre|post)-", re.IGNORECASE)),
    ("a source that is not ready", re.compile(r"^(?:Helm|Git|OCI|Bucket)[A-Za-z]{0,12} '[^']{1,330}' is not ready:", re.IGNORECASE)),
    ("kustomize-controller", re.compile(r"kustomize build failed|dry-run failed|health check failed", re.IGNORECASE)),
    ("the kubelet", re.compile(r"^(?:Error: )?(?:Failed to pull image|Back-off pulling image|MountVolume|Failed to create pod sandbox)", re.IGNORECASE)),
    ("gRPC", re.compile(r"rpc error: code = \w+ desc = ", re.IGNORECASE)),
    ("a webhook call", re.compile(r"failed calling (?:admission |conversion )?webhook", re.IGNORECASE)),
)  # fmt: skip


class Line(NamedTuple):
    """A message as one line. `words` is `text` without names, `lowered` that in lower case.

    `cut` says that the message's end is missing.
    """

    text: str
    words: str
    lowered: str
    cut: bool

    def words_at(self, start: int, end: int) -> str:
        """What the words say where something was found in them in lower case."""
        return (self.words if len(self.words) == len(self.lowered) else self.lowered)[start:end]

    @property
    def layers(self) -> tuple[str, ...]:
        """Who wrapped whom, outermost first."""
        return tuple(name for name, pattern in _WRAPPERS if pattern.search(self.text[:1000]))


def one_line(message: object) -> Line:
    """Bring any message to one line. Anything that is not a text becomes its text; None becomes empty."""
    raw = "" if message is None else message if isinstance(message, str) else str(message)
    text = _from_json(raw)
    cut = len(raw) in _LIMITS or len(raw) >= _CONDITION_LIMIT
    if len(text) > HEAD + TAIL:
        text, cut = f"{text[:HEAD]} … {text[-TAIL:]}", True
    if "&" in text:
        text = _ENTITY.sub(lambda found: unescape(found[0]), text)  # a log that went over a page
    if "\\" in text:
        text = _QUOTE.sub('"', text).replace("\\n", " ").replace("\\t", " ")
    if text.isprintable() and "  " not in text:  # then no white space but single blanks
        text = text.strip()
    else:
        text = " ".join(_ANSI.sub(" ", " ".join(text.split())).split())
    cut = cut or text.endswith(_CUT)
    text = _without_asides(text)
    words = mask(text)
    return Line(text, words, words.lower()[:WINDOW], cut)


def _without_asides(text: str) -> str:
    """The text without what its emitter only supposes, tries a second time or quotes from its log."""
    if " no credentials " in text:
        text = _GUESS.sub("", text)
    if _HELM_LOGS in text:
        text = text.partition(_HELM_LOGS)[0]
    if "http://" in text and (second := _SECOND_TRY.search(text)):
        # An OCI client asks a private address again without TLS; only the first answer means anything.
        text = text[: second.start()]
    return text.strip()


def _from_json(raw: str) -> str:
    """The words of JSON log lines; a text that is not JSON comes back as it is."""
    start = raw[:200].lstrip()
    if not start.startswith("{"):
        return raw
    if len(raw) <= _JSON_LIMIT:
        parts = [_words(line) for line in raw.splitlines() if line.strip()]
        if parts and all(parts):
            return " ".join(parts)
    found = _JSON_FIELD.findall(raw[: HEAD + TAIL])
    return ": ".join(found) if found else raw


def _words(line: str) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    return ": ".join(text for key in _JSON_KEYS if (text := _said(value.get(key))))


def _said(field: object) -> str:
    """What a field says; of an object in it (an error, a record of another log) its own message."""
    said = field.get("message") if isinstance(field, dict) else field
    return said if isinstance(said, str) else ""
