"""Wordings of real programs, labelled before any rule was tried on them, and those that look like a cause and are none.

First look, before a rule was touched: of the first part 390 of 423 right, 13 not answered, 20 wrong; of the second,
collected after the first had changed the rules, 103 of 112 right, 7 not answered, 2 wrong; of the third, odd and old ones,
101 of 109, 5 not answered, 3 wrong; of the fourth, format strings of Flux and Sealed Secrets, 32 of 43, 8 not answered,
3 wrong (one of these was no program's and was taken out); of the fifth 8 of 10, 2 not answered; of the sixth, plain
wordings of all causes by another hand, 195 of 199, 2 not answered, 2 wrong; of the seventh 124 of 127, 2 not answered, 1
wrong; of the eighth, odd wordings and many that must not be answered, 107 of 121, 8 not answered, 6 wrong; of the ninth, as
the eighth and tried after it had changed the rules, 106 of 114, 3 not answered, 5 wrong (of these 12 wrong ones 5 had a
second reading as good, and have both now); of the tenth, the weak words of the causes in the mouth of other programs, 35 of
108, 73 wrong (one was Helm's own and was taken out); of the eleventh, written when the guards against that stood, all 68
with a cause and 56 of 62 without, 6 wrong; of the twelfth, the programs' format strings again, 210 of 219, 3 not answered, 6
wrong (5 of them with a second reading as good); of the thirteenth, wrapped, cut, escaped and in other languages, 125 of 128,
3 not answered; of the fourteenth, pasted from threads, 105 of 119, 13 not answered, 1 wrong (a second reading as good); of
the fifteenth, pairs of neighbours, all 91; of the sixteenth, other controllers, 90 of 93, 3 wrong (second readings as good);
of the seventeenth 53 of 60, 1 not answered, 6 wrong; of the eighteenth, written down from the catalogue's own strongest
words, 12 of 70, 58 wrong; of the nineteenth, peers and faults in other mouths, 50 of 60, 10 wrong; of the twentieth, all
causes once more when the rules had been tightened, 67 of 69, 1 not answered, 1 wrong (a second reading as good); of the
twenty-first, pasted from issue threads by somebody who had read titles and meanings alone, 187 of 198, 6 not answered, 5 wrong
(2 of them with a second reading as good); of the twenty-second, as that one and tried after it had changed the rules, 59 of
67, 7 not answered, 1 wrong; of the twenty-third, nodes, mounts, registries and databases again, 25 of 29, 3 not answered, 1
wrong; of the twenty-fourth, proxies, signatures and whatever had few, 55 of 61, 4 not answered, 2 wrong (1 with a second
reading as good, 1 by a wrong label); of the twenty-fifth, repositories and limits, 34 of 39, 2 not answered, 3 wrong (2 with a
second reading as good); the twenty-sixth are format strings found for alternatives that no message had shown: no look at what
was not seen; of the twenty-seventh, pasted from issue threads by somebody who had not seen the rules, 152 of 159, 3 not answered, 4
wrong (2 of them with a second reading as good; 16 of the 159, all right, stood word for word in earlier parts and are left out);
of the twenty-eighth, by the same collector and tried when that had changed the rules, 142 of 159, 15 not answered, 2 wrong;
of the twenty-ninth, by another hand and tried when that had changed the rules, 126 of 139, 8 not answered, 5 wrong (2 of them
with a second reading as good); of the thirtieth and the thirty-first, collected as the corpus was (unambiguous ones of all causes,
by two who had seen neither rules nor tests) and tried before any rule was changed, 169 of 175, 5 not answered, 1 wrong (a second
reading as good), and 204 of 213, 6 not answered, 3 wrong (2 of them a scope that no text shows, 1 with a second reading as good);
of the 211 among them that stood in no earlier part 200, 8 not answered, 3 wrong; of the thirty-second, by a third who had seen
nothing either, tried when these had changed the rules, 167 of 171, 3 not answered, 1 wrong, and of the 75 among them that stood
in no earlier part 72, 2 not answered, 1 wrong; of the thirty-third, by a fourth, 258 of 260, 1 not answered, 1 wrong (a second
reading as good), and of the 222 among them that stood in no earlier part 220, 1 not answered, 1 wrong; of the thirty-fourth,
by a fifth, 276 of 284, 8 not answered, none wrong (230 of them unambiguous: 226 and 4; of the 123 of these that stood in no
earlier part 120, 3 not answered), less four that no rule should decide and those that stood here already; of the thirty-fifth, by a
sixth, 193 of them unambiguous, 180, 11 not answered, 2 wrong (1 with a second reading as good), and of the 143 of these that stood in
no earlier part 131, 10 not answered, 2 wrong, less two (a name of a service's own, a database whose name is not resolved); of the
thirty-sixth, pasted from issue threads by two who had seen neither rules nor tests, 231 of them unambiguous, 216, 12 not answered, 3
wrong (two of them symptoms: a hook whose reason was empty, a rollback that went well), and of the 161 of these that stood in no
earlier part 147, 11 not answered, 3 wrong; of the thirty-seventh, by two more when that had changed the rules, 264 unambiguous, 254, 8
not answered, 2 wrong (one quota that a webhook guards), and of the 166 of these that stood in no earlier part 156, 8 not answered, 2
wrong; of the thirty-eighth, by two more when these had changed the rules, 250 unambiguous, 240, 10 not answered, none wrong, and of the
187 that stood in no earlier part 177, 10 not answered; of the thirty-ninth, by two more when these had changed the rules, 243
unambiguous, 237, 6 not answered, none wrong, and of the 133 that stood in no earlier part 128, 5 not answered; of the fortieth, three
of each cause off the beaten track by two more, 248 unambiguous, 234, 13 not answered, 1 wrong (a webhook behind an aggregated API), and
of the 152 that stood in no earlier part 139, 12 not answered, 1 wrong; of the forty-first, by two more when these had changed the
rules, 317 unambiguous, 310, 5 not answered, 2 wrong (a database whose name was not resolved, a budget that may not be changed), and of the 144
that stood in no earlier part 137, 5 not answered, 2 wrong; of the forty-second, by two more when these had changed the rules, 248
unambiguous, 240, 8 not answered, none wrong, and of the 98 that stood in no earlier part 90, 8 not answered. Some of these may go unanswered: a slip of the pen, a hook of a pod's life, a
program's hint, a store's secret that another controller wants.
Labels of these that were mistakes were corrected (12: the last three call the kubelet's note that it leaves out a fourth name
server a DNS failure, though names are resolved as before) and two sentences that no program says were
taken out. Each that was not right changed a rule by what it means: who speaks, what is quoted, what is denied, what is a name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from runbook.diagnosis.catalogue import built_in
from runbook.diagnosis.classify import classify


class Row(NamedTuple):
    """A message, the answers that are right for it, and where it was found."""

    right: tuple[str, ...]
    kind: str
    reason: str
    source: str
    message: str

    @property
    def answer(self) -> str:
        """What the classifier says."""
        return classify(self.message, reason=self.reason, kind=self.kind).cause

    @property
    def anybodys(self) -> bool:
        """Whether it is a line of some program's log, which no object but a pod can carry."""
        return "application's mouth" in self.source


def _rows() -> list[Row]:
    lines = (Path(__file__).parents[1] / "data" / "blind.tsv").read_text().splitlines()
    fields = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [Row(tuple(f[0].split("|")), f[1], f[2], f[3], f[4].replace("⏎", "\n")) for f in fields]


ROWS = _rows()
HARD = [row for row in ROWS if row.source.startswith("hard")]


def _confusion(rows: list[Row]) -> list[tuple[str, str, str]]:
    answers = ((row, row.answer) for row in rows)
    return [("|".join(row.right), answer, row.message[:160]) for row, answer in answers if answer not in row.right]


def test_none_is_wrong_and_none_unknown_but_where_no_cause_says_it() -> None:
    """Once met, each is answered: a share let off here would let that share of the rules go unnoticed.

    An image that the node lacks and may not pull is nearest to one that the registry lacks, which nobody has asked.
    """
    confusion = _confusion(ROWS)
    assert [c for c in confusion if c[1] != "unknown"] == []
    assert [c for c in confusion if "is not present with pull policy of Never" not in c[2]] == []


def test_what_only_looks_like_a_cause_is_never_taken_for_it() -> None:
    assert len(HARD) >= 640
    assert _confusion(HARD) == []


def test_every_cause_that_words_can_show_is_here() -> None:
    named = {cause for row in ROWS for cause in row.right}
    assert named - set(built_in().causes) == {"unknown"}
    assert set(built_in().causes) - named <= {"sealed-secret-scope-mismatch", "dependency-circle"}


@pytest.mark.parametrize(
    "around",
    [
        "\x1b[31m{}\x1b[0m", "(combined from similar events): {}", "  {}\n", "{}...", '{{"level":"error","msg":"{}"}}',
        "Warning  {}",
    ],
    ids=["colours", "repeated", "spaces", "cut", "json", "kubectl"],
)  # fmt: skip
def test_no_wrapping_turns_an_answer_into_another(around: str) -> None:
    for row in ROWS:
        message = (
            row.message.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            if "{{" in around
            else row.message
        )
        answer = classify(around.format(message), reason=row.reason, kind=row.kind).cause
        assert answer in {*row.right, "unknown"}, (row.message, answer)


KINDS = (
    "Event", "HelmRelease", "Kustomization", "Node", "Job", "ReplicaSet", "Deployment", "PersistentVolumeClaim", "Namespace",
    "SealedSecret",
)  # fmt: skip
SOURCES = ("GitRepository", "HelmRepository", "OCIRepository", "HelmChart", "Bucket", "ImageRepository")


@pytest.mark.parametrize("kind", ["", "Pod", *KINDS])
def test_no_kind_or_a_wrong_one_never_makes_another_answer(kind: str) -> None:
    """With its own reason and without. What a source's kind says is tried below: it is half of the proof."""
    rows = [row for row in ROWS if not row.anybodys or kind in {"", "Pod"}]
    asked = [
        (row, classify(row.message, reason=reason, kind=kind).cause) for row in rows for reason in {"", row.reason}
    ]
    assert [(r.right, answer, r.message[:160]) for r, answer in asked if answer not in {*r.right, "unknown"}] == []


@pytest.mark.parametrize("kind", SOURCES)
def test_one_kind_of_source_for_another_makes_no_other_answer(kind: str) -> None:
    rows = [row for row in ROWS if row.kind in SOURCES]
    asked = [(row, classify(row.message, reason=row.reason, kind=kind).cause) for row in rows]
    assert len(rows) >= 90
    assert [(r.right, answer, r.message[:160]) for r, answer in asked if answer not in {*r.right, "unknown"}] == []


@pytest.mark.parametrize("size", [60, 120, 240, 400])
def test_a_message_that_is_cut_short_is_right_or_unknown_or_a_waiting_party(size: int) -> None:
    causes = built_in().causes
    wrong = []
    for row in ROWS:
        if len(row.message) <= size:
            continue
        answer = classify(row.message[:size], reason=row.reason, kind=row.kind).cause
        if answer not in {*row.right, "unknown"} and causes[answer].role == "cause" and not causes[answer].hypothesis:
            wrong.append((row.right, answer, row.message[:size]))
    sys.stdout.writelines(f"{w}\n" for w in wrong)
    assert len(wrong) <= 0.02 * len(ROWS)
