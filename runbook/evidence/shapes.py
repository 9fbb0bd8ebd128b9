"""What a secret looks like in a text: private keys, tokens, credentials in URLs, headers, assignments, registry logins.

Each shape has a name (counted in reports), a pattern, and the group that is cut; what stands around it is kept, because
diagnosis reads it. Prefixes are those the issuers publish.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from re import Pattern

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
_JOINED = tuple(
    f"{first}{between}{second}"
    for first, second in (
        ("secret", "key"), ("client", "secret"), ("api", "key"), ("access", "key"), ("private", "key"), ("auth", "token"),
        ("access", "token"), ("refresh", "token"),
    )
    for between in ("", "_", "-")
)  # fmt: skip
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
        ("passw", "passphrase", *_JOINED),
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

_STRONG = re.compile(
    r"(?:^|[_.\-])(?:pass(?:word|wd|phrase|code)?|pwd|api_?key|access_?key|private_?key|secret_?key|dsn|encryption_?key|"
    r"signing_?key|connection_?string|database_?url|client_?secret|auth_?token)(?:[_\-]?(?:value|b64|base64|\d+))?$",
    re.IGNORECASE,
)
_WEAK = re.compile(r"(?:^|[_.\-])(?:secret|token|credentials?|auth)(?:[_\-]?(?:value|b64|base64|\d+))?$", re.IGNORECASE)
# `ccbot-secrets`, `kube-system/registry-tls`: words joined as names of objects are, a reference and not a secret.
_REFERENCE = re.compile(r"^[a-z][a-z0-9]{0,15}(?:[-./][a-z0-9]{1,15})+$|^[a-z]{1,15}$")
_SURE, _LIKELY = 2, 1
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
