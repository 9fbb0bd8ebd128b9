"""A team's own file of causes: what is wrong with it is one sentence with the line it stands on, and the schema agrees."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from ruamel.yaml import YAML

from runbook.cli.app import call
from runbook.diagnosis.catalogue import built_in, load
from runbook.diagnosis.classify import classify
from runbook.diagnosis.own import Known, entries
from runbook.diagnosis.ownmodel import Next, Own, Signature, Stage, Structure, Words
from runbook.errors import UsageError
from runbook.stage.stages import STAGES

ROOT = Path(__file__).parents[2]
OURS = """schema: runbook/causes/v1
causes:
  - id: licence-expired
    title: The licence has expired
    layer: workload
    role: cause
    stage: verify
    meaning: It refuses to start.
    hypothesis: false
    over: [oom-killed]
    signatures:
      - by: the product
        match: 'licence (has )?expired'
        rank: 12
      - {match: 'licen[cs]e server .{1,80} refused', peer: registry, fault: [denied], unless: 'renewed', kinds: [Pod], weak: true}
      - {versions: from 3, reasons: [LicenceExpired]}
    structure: {kinds: [HelmChart], becomes_of: oom-killed, fault: lost}
    captures: [host]
    next:
      text: Renew the licence of {name}.
      command: kubectl logs {name} -n {namespace}
      safe: true
    decides: The date in the licence.
    docs: https://example.org/licence
  - id: oom-killed
    signatures: [{match: 'ran out of room'}]
"""
SCHEMA = json.loads(resources.files("runbook.diagnosis").joinpath("causes.schema.json").read_text())
# Old text, new text, line, words of the sentence. The first group is of the form, which the schema knows as well.
FORM = [
    ("rank: 12", "rank: high", 14, "'rank' must be a whole number"),
    ("rank: 12", "rank: [1]", 14, "'rank' must be a whole number"),
    ("rank: 12", "rank:", 14, "'rank' must be a whole number"),
    ("rank: 12", "rank: true", 14, "'rank' must be a whole number"),
    ("rank: 12", "rank: 9999", 14, "'rank' must be 99 or less"),
    ("rank: 12", "rank: -2", 14, "'rank' must be -1 or more"),
    ("rank: 12", "exit_codes: [0]", 14, "must be 1 or more"),
    ("rank: 12", "exit_codes: [256]", 14, "must be 255 or less"),
    ("rank: 12", "exit_codes: []", 14, "'exit_codes' must be a list with at least one entry"),
    ("structure: {kinds: [HelmChart], becomes_of: oom-killed, fault: lost}", "structure: foo", 17, "`structure` must be a mapping"),
    ("structure: {kinds: [HelmChart], becomes_of: oom-killed, fault: lost}", "structure:", 17, "`structure` must be a mapping"),
    ("becomes_of: oom-killed, fault", "becomes: oom-killed, fault", 17, "unknown key 'becomes': did you mean 'becomes_of'?"),
    ("over: [oom-killed]", "over: 5", 10, "'over' must be a list"),
    ("captures: [host]", "captures: host", 18, "'captures' must be a list"),
    ("captures: [host]", "captures: 7", 18, "'captures' must be a list"),
    ("reasons: [LicenceExpired]", "reasons: 5", 16, "'reasons' must be a list"),
    ("reasons: [LicenceExpired]", "reasons: LicenceExpired", 16, "'reasons' must be a list"),
    ("reasons: [LicenceExpired]", "reasons: []", 16, "at least one entry"),
    ("reasons: [LicenceExpired]", "reasons: [5]", 16, "'reasons' must be a text"),
    ("reasons: [LicenceExpired]", "by: us", 16, "needs match, fault, reasons or exit_codes"),
    ("'licence (has )?expired'", "''", 13, "'match' is too short"),
    ("'licence (has )?expired'", ".", 13, "'match' is too short"),
    ("'licence (has )?expired'", "x?", 13, "'match' is too short"),
    ("'licence (has )?expired'", "", 13, "'match' must be a text"),
    ("'licence (has )?expired'", "[a, b]", 13, "'match' must be a text"),
    ("unless: 'renewed'", "unless: ''", 15, "'unless' is empty"),
    ("by: the product", "bye: the product", 12, "unknown key 'bye': did you mean 'by'?"),
    ("safe: true", 'safe: "no"', 22, "'safe' must be true or false"),
    ("safe: true", "save: true", 22, "unknown key 'save'"),
    ("text: Renew the licence of {name}.", "text: [do]", 20, "'text' must be a text"),
    ("text: Renew the licence of {name}.", "", 19, "'text' is missing"),
    ("hypothesis: false", "hypothesis: 'false'", 9, "'hypothesis' must be true or false"),
    ("stage: verify", "stage: nosuch", 7, "stage 'nosuch' is none of"),
    ("layer: workload", "layer: [workload]", 5, "is none of"),
    ("role: cause", "role: both", 6, "role 'both' is none of"),
    ("title: The licence has expired", "title: 5", 4, "'title' must be a text"),
    ("title: The licence has expired", "title: ''", 4, "'title' is empty"),
    ("docs: https://example.org/licence", "docs: 5", 24, "'docs' must be a text"),
    ("docs: https://example.org/licence", "dogs: x", 24, "unknown key 'dogs': did you mean 'docs'?"),
    ("id: licence-expired", "id: 7", 3, "'id' must be a text"),
    ("id: licence-expired", "id: Licence", 3, "is not an id"),
    ("    decides: The date in the licence.\n", "", 3, "'decides' is missing"),
    ("signatures: [{match: 'ran out of room'}]", "signatures: []", 26, "at least one entry"),
    ("signatures: [{match: 'ran out of room'}]", "signatures: {match: x}", 26, "'signatures' must be a list"),
    ("signatures: [{match: 'ran out of room'}]", "signatures: [ran out]", 26, "must be a mapping"),
    ("schema: runbook/causes/v1\n", "schema: runbook/causes/v1\npeers: []\n", 2, "unknown key 'peers'"),
    ("schema: runbook/causes/v1\n", "schema: 1\n", 1, "must be a mapping with `schema"),
    ("schema: runbook/causes/v1\n", "", 1, "must be a mapping with `schema"),
]  # fmt: skip
# The second is of what is referred to and of the expressions, which only the reader knows.
MEANING = [
    ("kubectl logs", "kubectl delete pod", 22, "not known that 'kubectl delete pod {name} -n {namespace}' only reads"),
    ("over: [oom-killed]", "over: [no-such]", 10, "there is no cause 'no-such'"),
    ("becomes_of: oom-killed", "becomes_of: oom-kiled", 17, "did you mean 'oom-killed'?"),
    ("oom-killed, fault: lost", "oom-killed, fault: lots", 17, "there is no fault 'lots'; did you mean 'lost'?"),
    ("captures: [host]", "captures: [hosts]", 18, "there is no capture 'hosts'; did you mean 'host'?"),
    ("peer: registry", "peer: registrar", 15, "there is no peer 'registrar'"),
    ("fault: [denied]", "fault: [refused]", 15, "there is no fault 'refused'"),
    ("id: licence-expired", "id: image-not-found", 3, "is taken"),
    ("  - id: oom-killed\n", "  - id: oom-kiled\n", 25, "did you mean 'oom-killed'?"),
    ("'licence (has )?expired'", "'licence ('", 13, "not a regular expression"),
    ("'licence (has )?expired'", "'(licence+)+expired'", 13, "repetition"),
    ("'licence (has )?expired'", "'licence|a?b?c?'", 13, "matches the empty text"),
    ("'licence (has )?expired'", "'licence|[a-z]e'", 13, "could match nearly anything"),
    ("'licence (has )?expired'", "'...'", 13, "could match nearly anything"),
    ("'licence (has )?expired'", "'(?i)licence'", 13, "case is ignored anyway"),
    ("'licence (has )?expired'", r"'licence\nexpired'", 13, r"the escape \n is not taken"),
    ("'licence (has )?expired'", r"'(lice)nce\1'", 13, "a reference back"),
    ("unless: 'renewed'", "unless: '(renewed'", 15, "not a regular expression"),
    ("unless: 'renewed'", "unless: 'r?'", 15, "matches the empty text"),
]
YAMLS = [
    ("title: The licence has expired", "title: The \x01 licence", 4, "a character that YAML does not allow"),
    ("schema: runbook/causes/v1\n", "schema: runbook/causes/v1\n? - ? \n: 1\n", 1, "a mapping stands in a key"),
    ("title: The licence has expired", "title: [The licence", 5, "not YAML"),
    ("title: The licence has expired", "title: The licence\n    title: Again", 5, "duplicate key"),
    ("title: The licence has expired", "title: !!python/object:os.system x", 4, "not YAML"),
    ("    title", "\ttitle", 4, "not YAML"),
    ("schema: runbook/causes/v1\n", "schema: runbook/causes/v1\n---\n", 2, "not YAML"),
]


def _refused(text: str) -> tuple[int, str]:
    with pytest.raises(UsageError) as refused:
        load([("ours.yaml", text)])
    assert refused.value.exit_code == 2
    file, _, line = refused.value.field.rpartition(":")
    assert file == "ours.yaml"
    return int(line), refused.value.message


def test_a_file_with_every_key_is_taken_and_the_schema_takes_it() -> None:
    catalogue = load([("ours.yaml", OURS)])
    assert classify("licence has expired", catalogue=catalogue).cause == "licence-expired"
    assert classify("it ran out of room", catalogue=catalogue).cause == "oom-killed"
    jsonschema.validate(YAML(typ="safe", pure=True).load(OURS), SCHEMA)


@pytest.mark.parametrize(("old", "new", "line", "said"), [*FORM, *MEANING, *YAMLS])
def test_a_bad_file_is_refused_with_the_line_of_what_is_bad(old: str, new: str, line: int, said: str) -> None:
    assert OURS.count(old) == 1, old
    found, reason = _refused(OURS.replace(old, new))
    assert said in reason
    assert found == line
    assert "\n" not in reason


@pytest.mark.parametrize(("text", "line"), [("", 1), ("[]", 1), ("x", 1), ("schema: runbook/causes/v1\ncauses:\n", 2),
    ("schema: runbook/causes/v1\ncauses: no\n", 2), ("schema: runbook/causes/v1\ncauses: [[a]]\n", 2),
    ("schema: runbook/causes/v1\ncauses: &a [*a]\n", 2), ("[" * 5000, 1)])  # fmt: skip
def test_a_file_that_is_something_else_is_refused(text: str, line: int) -> None:
    assert _refused(text)[0] == line


@pytest.mark.parametrize(("old", "new", "line", "said"), FORM[:3] + YAMLS[:1])
def test_the_command_line_says_it_in_one_sentence_and_ends_with_2(
    old: str, new: str, line: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ours.yaml").write_text(OURS.replace(old, new))
    (tmp_path / "inventory.yaml").write_text(
        "schema: runbook/inventory/v1\ncluster: {name: lab}\ncauses: [ours.yaml]\n"
    )
    assert call(["causes", "-i", str(tmp_path / "inventory.yaml")]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert said in shown
    assert f"ours.yaml:{line}" in shown


# ---- the schema and the reader ----


def _taken_by_schema(data: Any) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(data)


def _form_refused(data: Any) -> str:
    """What the reader says of the form alone: every name is known, and what is wrong with meaning does not count."""
    text = json.dumps(data)  # JSON is YAML
    try:
        load([("ours.yaml", text)])
    except UsageError as error:
        meaning = (
            "there is no ",
            "is taken",
            "nearly anything",
            "not a regular expression",
            "empty text",
            "only reads",
        )
        return "" if any(part in error.message for part in meaning) else error.message
    return ""


@pytest.mark.parametrize(("old", "new", "line", "said"), FORM)
def test_what_the_reader_refuses_in_form_the_schema_refuses(old: str, new: str, line: int, said: str) -> None:
    assert not _taken_by_schema(YAML(typ="safe", pure=True).load(OURS.replace(old, new))), (line, said)


def _spoilt(data: Any) -> Iterator[tuple[str, Any]]:
    """The file with each of its values replaced by each of these, left out, or with a key more beside it."""
    for path in _paths(data):
        for value in ("", "x", "verify", 0, 5, True, None, [], ["x"], [5], {}, {"x": 1}, 1.5):
            yield (
                f"{path}={value!r}",
                _with(data, path, lambda holder, key, value=value: holder.__setitem__(key, value)),
            )
        yield f"{path} left out", _with(data, path, lambda holder, key: holder.__delitem__(key))
        yield f"{path} and more", _with(data, path, _with_more)


def _with_more(holder: Any, _key: object) -> None:
    if isinstance(holder, dict):
        holder["more"] = 1
    else:
        holder.append(1)


def _paths(data: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*before, key)
        yield from _paths(value, (*before, key))


def _with(data: Any, path: tuple[Any, ...], change: Any) -> Any:
    changed = copy.deepcopy(data)
    holder = changed
    for part in path[:-1]:
        holder = holder[part]
    change(holder, path[-1])
    return changed


def test_schema_and_reader_agree_on_every_value_replaced_left_out_or_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbook.diagnosis.own._line", lambda *_: 1)  # where it stands is asked above
    good = YAML(typ="safe", pure=True).load(OURS)
    tried = 0
    for what, data in _spoilt(good):
        tried += 1
        refused = _form_refused(data)
        assert _taken_by_schema(data) == (not refused), (what, refused)
    assert tried > 500


def test_the_schema_and_the_page_name_every_key_that_the_reader_knows() -> None:
    page = (ROOT / "docs" / "own-causes.md").read_text()
    for name, model in (("signature", Signature), ("cause", Own), ("words", Words)):
        assert set(SCHEMA["$defs"][name]["properties"]) == set(model.model_fields)
        assert all(f"`{key}`" in page for key in model.model_fields)
    cause = SCHEMA["$defs"]["cause"]["properties"]
    assert set(cause["structure"]["properties"]) == set(Structure.model_fields)
    assert set(cause["next"]["properties"]) == set(Next.model_fields)
    assert set(cause["stage"]["enum"]) == set(get_args(Stage)) <= set(STAGES)


def test_the_example_of_the_page_is_taken() -> None:
    page = (ROOT / "docs" / "own-causes.md").read_text()
    text = page.partition("```yaml\n")[2].partition("```")[0]
    assert entries("page", text, Known(frozenset(built_in().causes), frozenset(), frozenset(), frozenset()))
