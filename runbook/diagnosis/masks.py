"""Names taken out of a message before its words are weighed.

A release called `redis`, `sops-operator` or `report-worker` says nothing of databases, encryption or repositories: only
the software's own words may prove a cause. Captures read the whole text afterwards.
"""

from __future__ import annotations

import re

_NAME = r"[a-z0-9][a-z0-9.-]{0,252}"
_HIDDEN = "…"

# An image's name comes back unquoted further on; a host's name is its owner's, save those of the software itself.
_IMAGE = re.compile(r"\b(?:[Ii]mage|[Rr]eference) \"([^\"\s$]{3,400})\"")
_IMAGES = 4
_OURS = "source-controller|notification-controller|webhook-receiver"

# A name in double quotes is read by what stands before it and after it.
_QUOTED = re.compile(r"\"([a-z0-9][^\"\s$]{0,300})\"")
_PLAIN = re.compile(rf"{_NAME}\Z")
_HOLDERS = frozenset(
    {"volume", "pod", "container", "deployment", "upgrade", "install", "rollback", "name", "namespace"}
)
_AFTER = (" not found", " is forbidden", " is invalid", " already exists", " does not exist")

# Each with texts one of which must be there for it to match: to look for those costs next to nothing.
MASKS = (
    (("for release",), re.compile(r"f(?<!\wf)or release [^\s:]{1,400}(?: with chart [^\s]{1,300}?)?(?=[\s:]|$)"), "for release"),
    (("release ", "chart "), re.compile(r"(r(?<!\wr)elease|c(?<!\wc)hart) [a-z0-9-]{1,63}/[^\s:]{1,300}"), r"\1"),
    # A list of objects and their states; not one of objects and why each failed.
    (("[",), re.compile(r"\[[A-Z][A-Za-z]{1,60}/(?![^\]]{0,3000} failed: )[^\]]{1,3000}\]"), f"[{_HIDDEN}]"),
    # (?<!\w.) looks for the word's edge behind its first letter: an expression that starts with a set is found faster.
    (("/",), re.compile(rf"([A-Z](?<!\w[A-Z])[A-Za-z]{{2,60}})/{_NAME}(?:/[a-z0-9][a-z0-9.:_-]{{0,252}})?"), rf"\1/{_HIDDEN}"),
    (("'",), re.compile(rf"'[a-z0-9-]{{1,63}}/{_NAME}'"), f"'{_HIDDEN}'"),
    (("/v2/",), re.compile(r"/v2/[^\s\"]{1,300}/(manifests|blobs|tags)/[^\s\":]{1,200}(?::[0-9a-f]{8,64})?"), rf"/v2/{_HIDDEN}/\1/{_HIDDEN}"),
    (("://",), re.compile(rf"://(?!{_OURS}|[^\s/\"]{{0,80}}(?:istio|inject))[a-zA-Z0-9.-]{{1,253}}(?=[:/\"'\s])"), f"://{_HIDDEN}"),
    (("pod", "container", "job", "secret", "configmap"),
     re.compile(rf"(c(?<!\wc)(?:ontainer=?|onfigmap)|i(?<!\wi)n pod|j(?<!\wj)ob|p(?<!\wp)od=?|s(?<!\ws)ecret) ?{_NAME}(?:_[a-z0-9-]{{1,63}})?(?=\(| in pod| failed\b| pod=)"),
     rf"\1 {_HIDDEN}"),
    (('pod="',), re.compile(r"p(?<!\wp)od=\"[^\"\s]{1,320}\""), f'pod="{_HIDDEN}"'),
    # How long a call was allowed to take is not that it took too long, nor is a limit of 500 a status.
    (("?",), re.compile(r"([?&])[a-zA-Z_]{1,30}=[0-9][0-9a-z]{0,15}\b"), r"\1"),
    (("decrypt secret (",), re.compile(r"decrypt secret \([^)]{1,1000}\)"), f"decrypt secret ({_HIDDEN})"),
    (("source ",), re.compile(rf"\bfor source {_NAME}|\bsource '{_NAME}'"), f"source '{_HIDDEN}'"),
)  # fmt: skip


def mask(text: str) -> str:
    """The text without the names that a cluster's owner chose; the software's own words stay."""
    if 'mage "' in text or 'eference "' in text:
        for image in dict.fromkeys(_IMAGE.findall(text)[:_IMAGES]):
            text = text.replace(image, _HIDDEN)
    for literals, pattern, replacement in MASKS:
        for literal in literals:
            if literal in text:
                text = pattern.sub(replacement, text)
                break
    return _QUOTED.sub(_quoted, text) if '"' in text else text


def _quoted(match: re.Match[str]) -> str:
    text, start = match.string, match.start()
    if text.startswith(" has no deployed releases", match.end()):
        return f'"{_HIDDEN}"'
    if text[start - 1 : start] != " ":
        return match.group(0)
    name = match.group(1)
    holder = text[max(0, start - 60) : start - 1].rpartition(" ")[2].lstrip("([").rstrip(":")
    if not holder.partition(".")[0].isalpha():
        return match.group(0)
    named = text.startswith(_AFTER, match.end()) and not name.startswith("sealed-secrets") and _PLAIN.match(name)
    return f'"{_HIDDEN}"' if named or holder.lower() in _HOLDERS else match.group(0)
