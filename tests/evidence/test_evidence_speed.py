"""What makes keeping a large cluster quick changes nothing of what is cut, read back or on disk."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from evidence_samples import new_run, pod, result, seen
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runbook.errors import RunFolderError
from runbook.evidence import Redactor, files, observations, redaction, searches, shapes
from runbook.model import Verdict

SECRET = "Canary-8f3a91c7-Zq"
NAMES = r"(?:password|passwd|passphrase|secret[_-]?key|client[_-]?secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token)"
# The shapes with a core as one pattern each, which may begin at any letter: what is found must be the same.
WHOLE = {
    "url-userinfo": [re.compile(r"(?<=[a-z0-9+.-])://([^\s/?#@\"'<>]+)@", re.IGNORECASE)],
    "registry-login": [
        re.compile(r"(?<=\")(?:auth|identitytoken|registrytoken)\\?\"\s*:\s*\\?\"([A-Za-z0-9+/=._-]{8,})\\?\"")
    ],
    "assignment": [
        re.compile(rf"\b[\w.-]*{NAMES}\\?[\"']?\s*(?:=|:(?!//))\s*\\?[\"']?([^\s\"'\\,;&}})<>]{{4,}})", re.IGNORECASE),
        re.compile(r"\b[\w.-]*(?:token|secret|pwd|credential)s?\\?[\"']?=\\?[\"']?([^\s\"'\\,;&})<>]{6,})", re.IGNORECASE),
    ],
}  # fmt: skip
PIECES = st.sampled_from(
    ("password", "PassWd", "db.", "my_", "secret", "SECRET_KEY", "api-key", "apiKey", "token", "tokens", "pwd", "ſecret",
     "to\u212aen", "credential", "=", ":", ": ", '"', "\\\"", "'", " ", "\n", "://", "git", "http", "user:pw", "@", "host/", "é",
     "İ", "abcdef12", "hunter2hunter2", "x", "-", "_", ".", ";", "client", "access_token", "passphrase", "9",
     "client_secret", "clientSecret", "private-key", "PRIVATE_KEY", "auth_token", "authtoken", "refresh-token", "ACCESS-KEY", "secretkey",
     "auth", "Auth", "identitytoken", "registrytoken", '"auth":"', '\\"auth\\": \\"', "dTpwdzEyMzQ1")
)  # fmt: skip


def spans_of_whole_patterns(text: str) -> list[tuple[str, int, int]]:
    found = []
    for kind, patterns in WHOLE.items():
        harmless = next(s.harmless for s in shapes.SHAPES if s.kind == kind)
        for pattern in patterns:
            hits = ((m.group(1), m.span(1)) for m in pattern.finditer(text))
            found += [(kind, *span) for value, span in hits if not harmless(value) and shapes.MARK not in value]
    return sorted(found)


@settings(max_examples=600, deadline=None)
@example(" ://user:pw@host/", 0)
@example("9://user:pw@host/", 0)
@example("to\u212aen=hunter2hunter2 ſecret=hunter2hunter2", 700)
@example('{"auth": "dTpwdzEyMzQ1", "Auth": "dTpwdzEyMzQ1"}', 700)
@example('"identitytoken":"dTpwdzEyMzQ1" "registrytoken" : "dTpwdzEyMzQ1"', 0)
@example('{\\"auth\\":\\"dTpwdzEyMzQ1\\"}', 700)
@example('"auth":"password"auth":"password"auth":"', 0)
@example('xauth":"dTpwdzEyMzQ1"', 700)
@example("password=token_password=hunter2hunter2", 0)
@given(st.lists(PIECES, min_size=1, max_size=14).map("".join), st.sampled_from((0, 700)))
def test_a_shape_that_is_tried_at_its_core_finds_what_the_whole_pattern_finds(text: str, filling: int) -> None:
    text = f"{text}\n{'. ' * filling}"  # a long text is searched in another way than a short one
    assert sorted(m for m in searches.matches(text) if m[0] in WHOLE) == spans_of_whole_patterns(text)


def test_a_text_that_was_clean_is_cut_once_it_holds_a_value_learnt_since() -> None:
    cutter = Redactor()
    assert cutter.text(f"saw {SECRET}") == f"saw {SECRET}"
    cutter.remember(SECRET)
    assert cutter.text(f"saw {SECRET}") == f"saw {shapes.MARK}"
    assert cutter.item({"note": f"saw {SECRET}"}) == {"note": f"saw {shapes.MARK}"}


def test_a_clean_text_is_cut_all_the_same_under_a_name_that_holds_a_secret() -> None:
    cutter = Redactor()
    assert cutter.item({"note": SECRET, "password": SECRET}) == {"note": SECRET, "password": shapes.MARK}


def test_what_was_applied_last_is_read_as_an_object_also_when_its_text_was_clean() -> None:
    cutter, applied = Redactor(), '{"kind": "Pod", "metadata": {"managedFields": []}}'
    assert cutter.text(applied) == applied
    assert cutter.value({redaction.LAST_APPLIED: applied}) == {redaction.LAST_APPLIED: '{"kind":"Pod","metadata":{}}'}


def test_clean_texts_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_REMEMBERED", 3)
    cutter = Redactor()
    for number in range(20):
        cutter.text(f"text {number}")
    cutter.text("x" * 1000)
    assert 0 < len(cutter._clean) <= 3
    assert "x" * 1000 not in cutter._clean


def test_every_letter_stays_at_its_place_in_lower_case_and_is_what_re_takes_it_for() -> None:
    for code in (c for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000):
        letter = chr(code)
        low = searches._lower(f"A{letter}B")
        assert (len(low), low[0], low[2]) == (3, "a", "b")
        if code > 127 and (same := re.fullmatch("[a-z]", letter, re.IGNORECASE)):
            assert re.fullmatch(low[1], same[0], re.IGNORECASE)
            assert low[1].isascii()


def test_a_line_is_cut_of_values_that_were_learnt_between_two_lines() -> None:
    cutter = Redactor()
    line = json.dumps({"a": 'quo"ted-' + SECRET, "b": SECRET}).encode()
    assert cutter.line(line) == line
    cutter.remember(SECRET)
    assert SECRET.encode() not in cutter.line(line)
    cutter.remember('quo"ted-secret-1')
    assert b'quo\\"ted' not in cutter.line(json.dumps('quo"ted-secret-1').encode())


@pytest.mark.parametrize("metadata", [None, "a text", [1], {"name": "a", "managedFields": [{"manager": "x"}]}])
def test_an_item_is_read_whole_but_for_managed_fields(metadata: Any) -> None:
    item = {"metadata": metadata, "spec": {"replicas": 2, "text": "ä"}, "status": None}
    kept = metadata if not isinstance(metadata, dict) else {"name": "a"}
    for kind in ("Deployment", "Pod"):
        sent = [json.dumps(item).encode(), b'{"spec": {}}']
        whole, bare = observations._lines(kind, sent, Redactor())
        assert json.loads(whole) == {**item, "metadata": kept}
        assert bare == b'{"spec":{}}'


def test_a_look_is_on_disk_before_the_file_that_lists_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    real = files.os.fsync  # type: ignore[attr-defined]

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        steps.append("folder" if path.is_dir() else path.name.split(".")[1])
        real(handle)

    attempt = new_run(tmp_path).new_attempt("verify")
    monkeypatch.setattr(files.os, "fsync", fsync)  # type: ignore[attr-defined]
    attempt.store(seen(pod("a"), {"kind": "Service", "metadata": {"name": "b"}}))
    assert steps == ["Pod", "Service", "folder", "snapshot", "folder"]


def test_a_result_is_read_anew_when_its_file_is_another(tmp_path: Path) -> None:
    attempt = new_run(tmp_path).new_attempt("verify")
    attempt.write_result(result(attempt=1))
    first = attempt.read_result()
    assert attempt.read_result() is first
    attempt.write_result(result(attempt=1, verdict=Verdict.PASS))
    assert attempt.read_result().verdict is Verdict.PASS
    (attempt.path / "result.json").unlink()
    with pytest.raises(RunFolderError, match=r"holds no result\.json"):
        attempt.read_result()
