"""Names taken out of a message before its words are weighed.

A release called `redis`, `sops-operator` or `report-worker` says nothing of databases, encryption or repositories: only
the software's own words may prove a cause. Captures read the whole text afterwards.
"""

from __future__ import annotations

import re

_NAME = r"[a-z0-9][a-z0-9.-]{0,252}"
_HIDDEN = "…"

# An image's name comes back unquoted further on; a host's name is its owner's, save those of the software itself.
_IMAGE = re.compile(r"\b(?:image|reference|back-off pulling image) \"([^\"\s$]{3,400})\"", re.IGNORECASE)
_IMAGES = 4

# Each with a text that it cannot match without: to look for that costs next to nothing.
MASKS = (
    ('for release', re.compile(r"\bfor release [^\s:]{1,400}(?: with chart [^\s]{1,300}?)?(?=[\s:]|$)"), "for release"),
    ('/', re.compile(r"\b(release|chart) [a-z0-9-]{1,63}/[^\s:]{1,300}"), r"\1"),
    ('[', re.compile(r"\[[A-Z][A-Za-z]{1,60}/[^\]]{1,3000}\]"), f"[{_HIDDEN}]"),
    ('/', re.compile(rf"\b([A-Z][A-Za-z]{{2,60}})/{_NAME}(?:/[a-z0-9][a-z0-9.:_-]{{0,252}})?"), rf"\1/{_HIDDEN}"),
    ("'", re.compile(rf"'[a-z0-9-]{{1,63}}/{_NAME}'"), f"'{_HIDDEN}'"),
    ('/v2/', re.compile(r"/v2/[^\s\"]{1,300}/(manifests|blobs|tags)/[^\s\":]{1,200}(?::[0-9a-f]{8,64})?"), rf"/v2/{_HIDDEN}/\1/{_HIDDEN}"),
    ('://', re.compile(r"(https?://|oci://)(?!source-controller|[^\s/\"]{0,80}(?:istio|inject))[a-zA-Z0-9.-]{1,253}(?=[:/\"'\s])"), rf"\1{_HIDDEN}"),
    ('"', re.compile(r"\b(volume|pod|container|deployment|upgrade|install|rollback|name|namespace:?) \"[a-z0-9][^\"\s$]{0,300}\"", re.IGNORECASE),
     rf'\1 "{_HIDDEN}"'),
    ('"', re.compile(rf"\b([A-Za-z]{{3,40}}(?:\.[a-z0-9.]{{1,60}})?) \"(?!sealed-secrets){_NAME}\"(?= (?:not found|is forbidden|is invalid|already exists|does not exist))"),
     rf'\1 "{_HIDDEN}"'),
    ('has no deployed', re.compile(rf"\"{_NAME}\"(?= has no deployed releases)"), f'"{_HIDDEN}"'),
    ('', re.compile(rf"\b(in pod|container|container=|pod=|job|pod|secret|configmap) ?{_NAME}(?:_[a-z0-9-]{{1,63}})?(?=\(| in pod| failed\b| pod=)"),
     rf"\1 {_HIDDEN}"),
    # How long a call was allowed to take is not that it took too long.
    ('timeout=', re.compile(r"([?&])timeout=[0-9a-z]{1,12}"), r"\1"),
    ('source ', re.compile(rf"\bfor source {_NAME}|\bsource '{_NAME}'"), f"source '{_HIDDEN}'"),
)  # fmt: skip


def mask(text: str) -> str:
    """The text without the names that a cluster's owner chose; the software's own words stay."""
    for image in dict.fromkeys(_IMAGE.findall(text)[:_IMAGES]):
        text = text.replace(image, _HIDDEN)
    for literal, pattern, replacement in MASKS:
        if literal in text:
            text = pattern.sub(replacement, text)
    return text
