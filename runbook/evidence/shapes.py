"""What a secret looks like in a text: private keys, tokens, credentials in URLs, headers, assignments, registry logins.

Each shape has a name (counted in reports), a pattern, and the group that is cut; what stands around it is kept, because
diagnosis reads it. Prefixes are those the issuers publish.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from re import Match, Pattern

MARK = "«cut»"


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of secret: `group` of `pattern` is what is cut; a text that has none of `hints` in lower case is not searched.

    Where `core` is given, a match begins with one of these in any case, and the pattern is tried there and nowhere else:
    one that may begin at any letter costs a second for ten megabytes.
    """

    kind: str
    pattern: Pattern[str]
    hints: tuple[str, ...]
    group: int = 0
    harmless: Callable[[str], bool] = lambda text: False
    core: tuple[str, ...] = ()


def _is_user_name(userinfo: str) -> bool:
    """`git@`, `root@`: a short login name without a password is no secret."""
    return ":" not in userinfo and len(userinfo) <= 16


def _is_no_value(value: str) -> bool:
    """Words that stand where a value would, placeholders, and what was cut already."""
    words = {
        "null",
        "none",
        "true",
        "false",
        "not",
        "is",
        "in",
        "for",
        "was",
        "secret",
        "key",
        "the",
        "to",
        "a",
        "required",
    }
    return value.startswith(("$", "{{", "<", "«", "***", "REDACTED")) or value.lower().rstrip(".,:;") in words


# What a name may have before it (`db.password`) is not part of the pattern: it is kept, and any will do.
_NAME = r"(?:password|passwd|passphrase|secret[_-]?key|client[_-]?secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token)"
_HINTS = ("pass", "key", "secret", "token")

SHAPES: tuple[Shape, ...] = (
    Shape(
        "private-key",
        re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.DOTALL),
        ("private key",),
    ),
    Shape("jwt", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), ("eyj",)),
    Shape(
        "token",
        re.compile(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|"
            r"(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{35}|sk-(?:[a-z]+-)?[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|"
            r"hv[sb]\.[\w-]{20,}|dckr_pat_[\w-]{20,}|[rs]k_live_[A-Za-z0-9]{16,})"
        ),
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "akia", "asia", "aiza", "sk-", "npm_", "hvs.", "hvb.", "dckr_pat_", "k_live_"),
    ),
    Shape(
        "url-userinfo",
        re.compile(r"://(?<=[a-z0-9+.-]://)([^\s/?#@\"'<>]+)@", re.IGNORECASE),
        ("://",),
        1,
        _is_user_name,
        ("://",),
    ),
    Shape(
        "url-query",
        re.compile(r"[?&](?:access_token|token|sig|signature|X-Amz-Signature|X-Amz-Security-Token|password|api_?key|client_secret)=([^\s&#\"'<>]{4,})", re.IGNORECASE),
        ("=",),
        1,
        _is_no_value,
    ),
    Shape(
        "authorization",
        re.compile(r"\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\[\"']*((?:(?:basic|bearer|token|digest|negotiate)\s+)?[^\s\"'\],;]{4,})", re.IGNORECASE),
        ("authorization",),
        1,
        _is_no_value,
    ),
    Shape("authorization", re.compile(r"\b[Bb]earer\s+([A-Za-z0-9._~+/-]{16,}=*)"), ("bearer ",), 1, _is_no_value),
    Shape("authorization", re.compile(r"\bBasic\s+([A-Za-z0-9+/]{12,}={0,2})(?![\w])"), ("basic ",), 1, _is_no_value),
    Shape(
        "registry-login",
        re.compile(r"(?<=\")(?:auth|identitytoken|registrytoken)\\?\"\s*:\s*\\?\"([A-Za-z0-9+/=._-]{8,})\\?\""),
        ('auth"', 'auth\\"', 'token"', 'token\\"'),
        1,
        core=('auth"', 'auth\\"', "identitytoken", "registrytoken"),
    ),
    Shape("registry-login", re.compile(r"\beyJhdXRocyI6[A-Za-z0-9+/=]{8,}"), ("eyjhdxrocyi6",)),
    Shape(
        "assignment",
        re.compile(rf"{_NAME}\\?[\"']?\s*(?:=|:(?!//))\s*\\?[\"']?([^\s\"'\\,;&}})<>]{{4,}})", re.IGNORECASE),
        _HINTS,
        1,
        _is_no_value,
        ("passw", "passphrase", "secret", "client", "api", "access", "private", "auth", "refresh"),
    ),
    Shape(
        "assignment",
        re.compile(r"(?:token|secret|pwd|credential)s?\\?[\"']?=\\?[\"']?([^\s\"'\\,;&})<>]{6,})", re.IGNORECASE),
        (*_HINTS, "pwd", "credential"),
        1,
        _is_no_value,
        ("token", "secret", "pwd", "credential"),
    ),
    Shape(
        "argument",
        re.compile(r"(?<![\w.-])--?(?:[\w-]*(?:password|passwd|token|secret|api-key))\s+([^\s\"'-][^\s\"']{5,})", re.IGNORECASE),
        ("-pass", "-token", "-secret", "-api-key"),
        1,
        _is_no_value,
    ),
)  # fmt: skip

# What each hint has in it, and is in several: to look for these first is to look for a third of them.
_BROAD = ("key", "pass", "secret", "token", "auth", "eyj", "hv", "_")


def _gate(hint: str) -> str:
    return next((broad for broad in _BROAD if broad in hint), hint)


_GATED = tuple((shape, frozenset(map(_gate, shape.hints))) for shape in SHAPES)
_GATES = frozenset({gate for _, gates in _GATED for gate in gates})
# One of these is in every name that `_STRONG` or `_WEAK` finds
_STEMS = frozenset({"pass", "pwd", "key", "dsn", "connection", "database", "secret", "token", "credential", "auth"})
# In a short text one search for all hints is faster than one for each; in a long one it is the other way round.
_LINE = 500
_HINT = re.compile("|".join(map(re.escape, sorted({hint for shape in SHAPES for hint in shape.hints}))))
_STRONG = re.compile(
    r"(?:^|[_.\-])(?:pass(?:word|wd|phrase|code)?|pwd|api_?key|access_?key|private_?key|secret_?key|dsn|encryption_?key|"
    r"signing_?key|connection_?string|database_?url|client_?secret|auth_?token)(?:[_\-]?(?:value|b64|base64|\d+))?$",
    re.IGNORECASE,
)
_WEAK = re.compile(r"(?:^|[_.\-])(?:secret|token|credentials?|auth)(?:[_\-]?(?:value|b64|base64|\d+))?$", re.IGNORECASE)
# `ccbot-secrets`, `kube-system/registry-tls`: words joined as names of objects are, a reference and not a secret.
_REFERENCE = re.compile(r"^[a-z][a-z0-9]{0,15}(?:[-./][a-z0-9]{1,15})+$|^[a-z]{1,15}$")
_SURE, _LIKELY = 2, 1
_LIKE = {0x130: "i", 0x131: "i", 0x17F: "s", 0x212A: "k"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
FLAG = re.compile(r"^--?[\w-]*(?:password|passwd|token|secret|api-key|private-key)$", re.IGNORECASE)


def holds_secret(name: str, value: str) -> bool:
    """Whether a key or variable of that name holds a secret: `DB_PASSWORD`, `apiKey`; not `secretName`, not `secret: NAME`."""
    weight = may_hold_secret(name)
    return bool(value) and (weight == _SURE or (weight == _LIKELY and not _REFERENCE.match(value)))


@lru_cache(maxsize=4096)
def may_hold_secret(name: str) -> int:
    """What the name alone says, 0 for no: the same few hundred names stand in every object."""
    spelled = _CAMEL.sub("_", name)
    return _SURE if _STRONG.search(spelled) else _LIKELY if _WEAK.search(spelled) else 0


def is_telling(value: str) -> bool:
    """Whether a value can be searched for without hitting ordinary words: long enough, and no plain name."""
    return len(value) >= 8 and not _REFERENCE.match(value) and not value.isalpha()


def matches(text: str) -> Iterator[tuple[str, int, int]]:
    """`(kind, begin, end)` of each secret shape in a text, shape by shape; may overlap."""
    low = _lower(text)
    if len(low) < _LINE and not _HINT.search(low):
        return
    there: dict[str, bool] = {}  # several shapes have the same hints, and a long text is searched once for each
    for shape in SHAPES:
        if not any(_holds(low, hint, there) for hint in shape.hints):
            continue
        for found in _at_cores(shape, text, low) if shape.core else shape.pattern.finditer(text):
            span = _span(shape, found)
            if span is not None:
                yield shape.kind, *span


def glimpsed(text: str) -> tuple[bool, bool]:
    """Of several texts in one: whether any shape is in it, its harmless values too; and whether a name may be that `may_hold_secret`."""
    low = _lower(text)
    gates, there = {gate for gate in _GATES if gate in low}, dict[str, bool]()
    shaped = any(
        any(True for _ in (_at_cores(shape, text, low) if shape.core else shape.pattern.finditer(text)))
        for shape, behind in _GATED
        if not gates.isdisjoint(behind) and any(_holds(low, hint, there) for hint in shape.hints)
    )
    return shaped, not gates.isdisjoint(_STEMS) or any(stem in low for stem in _STEMS - _GATES)


def _at_cores(shape: Shape, text: str, low: str) -> Iterator[Match[str]]:
    """What `finditer` would find, by the places where a match may begin."""
    after = 0
    for begin in sorted(_places(low, shape.core)):
        if begin >= after and (found := shape.pattern.match(text, begin)):
            yield found
            after = found.end()


def _places(low: str, words: tuple[str, ...]) -> Iterator[int]:
    for word in words:
        at = low.find(word)
        while at >= 0:
            yield at
            at = low.find(word, at + 1)


def _holds(low: str, hint: str, there: dict[str, bool]) -> bool:
    if hint not in there:
        there[hint] = hint in low
    return there[hint]


def _lower(text: str) -> str:
    """The text in lower case, place by place: letters that `re` takes for i, k or s in any case are those."""
    if text.isascii():
        return text.lower()
    lines = text.splitlines(keepends=True) if len(text) > _LINE else [text]  # most lines of a long one are ASCII
    return "".join(line.lower() if line.isascii() else line.translate(_LIKE).lower() for line in lines)


def _span(shape: Shape, found: Match[str]) -> tuple[int, int] | None:
    value = found.group(shape.group)
    if MARK in value or shape.harmless(value):
        return None
    return found.span(shape.group)
