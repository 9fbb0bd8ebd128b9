"""Which command lines are known only to read: whoever is told that one does may run it half asleep.

A list of what is known, not of what is forbidden: of a program or a verb that does not stand here nothing is known, and an
option that writes takes the promise back.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

_ENDS = frozenset({"|", "||", "&&", ";"})
_NOWHERE = re.compile(r"(?:[12]?>>?|<) ?/dev/null(?=[\s|&;]|$)|2>&1(?=[\s|;]|$)")
_FILTERS = "base64 cat column cut diff grep head jq sort tail tr wc"
# Of a program the words that only read; none where all of it does.
_READS: Mapping[str, str] = {
    "kubectl": "get describe logs events top explain api-resources api-versions cluster-info version wait "
    "auth.can-i auth.whoami rollout.status rollout.history config.view config.current-context config.get-contexts",
    "flux": "get events logs tree trace check version stats build.kustomization debug diff.kustomization export",
    "helm": "list ls status history get show search template lint verify version",
    "runbook": "status show explain plan causes check-seal",
    "docker": "ps images inspect info version logs manifest.inspect",
    "crictl": "ps pods images inspect inspecti inspectp info version logs stats",
    "istioctl": "analyze version proxy-status ps",
    "cilium": "status version",
    "skopeo": "inspect list-tags",
    "crane": "manifest digest ls config",
    "cosign": "verify tree",
    "git": "log show status diff ls-remote rev-parse",
    "systemctl": "status is-active show cat",
    "kustomize": "build version",
    "velero": "get describe logs version",
    "cmctl": "status check version",
    "openssl": "s_client x509 verify version crl",
    **dict.fromkeys(["dig", "nslookup", "host", "getent", "ping", "ssh-keyscan", "journalctl", "df", "ss", "curl"], ""),
    **dict.fromkeys(_FILTERS.split(), ""),
}
# Options by which one of these writes, sends, or starts something else.
_CURL = (
    "-X --request -d --data --data-binary --data-raw --data-urlencode --json -F --form -T --upload-file -Q --quote -K --config "
    "-o -O --output --remote-name -c --cookie-jar -D --dump-header --trace --trace-ascii --stderr --libcurl --etag-save"
)
_WRITES: Mapping[str, frozenset[str]] = {
    "curl": frozenset(_CURL.split()),
    "git": frozenset({"-c", "--output", "--ext-diff", "--upload-pack"}),
    "helm": frozenset({"--output-dir", "--post-renderer"}),
    "journalctl": frozenset(
        {"--rotate", "--flush", "--vacuum-size", "--vacuum-time", "--vacuum-files", "--sync", "--cursor-file"}
    ),
    "kubectl": frozenset({"--output-directory", "--profile-output"}),
    "kustomize": frozenset({"-o", "--output", "--enable-exec", "--enable-alpha-plugins"}),
    "openssl": frozenset({"-out", "-signkey", "-CAcreateserial", "-sess_out", "-keylogfile"}),
    "sort": frozenset({"-o", "--output", "--compress-program"}),
    "ss": frozenset({"-K", "--kill"}),
}
# Options that may stand before the word which says what is done, each with a value: after any other nobody knows which word that is.
_BEFORE = frozenset({"-n", "--namespace", "--context", "--kubeconfig", "--kube-context", "--as", "-C"})


def only_reads(command: str) -> bool:
    """Whether every command of a line is known to read and to do nothing else. A sub-shell, or a file written to, is not."""
    if "`" in command or "$(" in command:
        return False
    try:
        parts = list(_commands(_NOWHERE.sub(" ", command)))
    except ValueError:  # a quotation that does not end
        return False
    return bool(parts) and all(_reads(words) for words in parts)


def _commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a line. Raises ValueError for what no shell reads."""
    lexer = shlex.shlex(line.replace("\n", " ; "), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if word not in _ENDS:
            words.append(word)
        elif words:
            yield words
            words = []
    if words:
        yield words


def _reads(words: list[str]) -> bool:
    program, rest = words[0], words[1:]
    verbs = _READS.get(program)
    if verbs is None or any(set(word) <= set("|&;<>") for word in rest):
        return False
    forbidden = _WRITES.get(program, frozenset())
    if any(word in forbidden or word.partition("=")[0] in forbidden or _glued(word, forbidden) for word in rest):
        return False
    if not verbs:
        return True
    known, said = verbs.split(), _from_verb(rest)
    return bool(said) and (said[0] in known or ".".join(said[:2]) in known)


def _glued(word: str, forbidden: frozenset[str]) -> bool:
    """`-XPOST` and `-sXPOST`: a letter that writes among others. A long option stands for itself."""
    letters = {option[1] for option in forbidden if len(option) == 2}
    return word.startswith("-") and not word.startswith("--") and not letters.isdisjoint(word[1:])


def _from_verb(words: list[str]) -> list[str]:
    """The words from the first that is no option on; none where an option before it is not known."""
    while words and words[0].startswith("-"):
        name, joined, _ = words[0].partition("=")
        if name not in _BEFORE:
            return []
        words = words[1:] if joined else words[2:]
    return words
