"""Whether JSON as it was served has nothing to cut, told from its text: most of a cluster has not, and need not be taken apart.

Without an escape every string stands in the text as it is, so what `shapes` would find in a string it finds in the text too;
quotes within a string, the one escape that is common, are put back. It may find more, over the edge of a string: then the JSON is
taken apart, and nothing is lost but time. Known values are no matter here: they are looked for in the finished lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from runbook.evidence.searches import glimpsed
from runbook.evidence.shapes import may_hold_secret

_NAMED = re.compile(r'"([^"]*)"\s*:\s*"')  # a key with a text
_VARIABLE = re.compile(r'"name"\s*:\s*"([^"]*)"')
_REFERRED = re.compile(  # a variable whose value stands elsewhere
    r'\{"name":"[^"{}]*","valueFrom":\{"(?:secret|configMap)KeyRef":\{(?:"(?:name|key)":"[^"{}]*",?|"optional":(?:true|false),?)+\}\}\}'
)
_VALUE = re.compile(r'"value"\s*:\s*"')
_FLAG = re.compile(r'"--?[\w-]*(?:password|passwd|token|secret|api-key|private-key)"\s*,\s*"', re.IGNORECASE)
_ASIDE = (b"\\", b"\n", b"\r")  # other escapes, and lines of which one would become several
_REMEMBERED, _SHORT = 20_000, 400  # parts that many objects have alike, and bytes of one
_FIELD = 40  # letters of a name that is the API's own


class Quiet:
    """Tells it of objects part by part: labels, owners and tolerations are alike in all that come from one template."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._plain: set[tuple[str, ...]] = set()  # names of fields that were seen together, none of them a secret's

    def holds(self, *maps: Mapping[str, msgspec.Raw]) -> bool:
        """Whether nothing in these mappings is a secret by its shape, or by the name beside it."""
        known, fresh = self._known, list[bytes]()
        for parts in maps:
            if (names := tuple(parts)) not in self._plain:
                if "value" in parts or any(len(key) > _FIELD or may_hold_secret(key) for key in names):
                    return False
                self._plain.add(names)
            fresh += [part for part in map(bytes, parts.values()) if part not in known]
        if not is_quiet(fresh):
            return False
        if len(known) > _REMEMBERED:
            known.clear()
            self._plain.clear()
        known.update(part for part in fresh if len(part) <= _SHORT)
        return True


def is_quiet(served: Iterable[bytes]) -> bool:
    """The same of some JSON texts."""
    whole = b",".join(served)
    plain = whole.replace(b'\\"', b'"')
    if any(mark in plain for mark in _ASIDE):
        return False
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        return False
    shaped, named = glimpsed(text)
    return not shaped and not (named and _is_named(text, whole_quotes=plain is whole))


def _is_named(text: str, *, whole_quotes: bool) -> bool:
    """Whether a text stands beside a name that may be a secret's: its key, the name of its variable, or the flag before it."""
    if any(may_hold_secret(name) for name in set(_NAMED.findall(text))):
        return True
    if '"-' in text and _FLAG.search(text):
        return True
    if not _VALUE.search(text):
        return False
    return not whole_quotes or any(may_hold_secret(name) for name in _VARIABLE.findall(_REFERRED.sub("", text)))
