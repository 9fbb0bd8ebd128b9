"""Several causes of one kind are several lines and, where they need it, several repairs; a chain is shown with its proofs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_samples import NOW, RUN, VELERO, Reader, cause, explanation, result

from runbook.display import Stack, Table, card_text, first_causes
from runbook.display.blocks import Paragraph
from runbook.display.extent import Extent, extent
from runbook.display.lookback import next_acts_table
from runbook.display.markdown import escaped, markdown
from runbook.display.rungs import chain, step_words
from runbook.display.texts import telling
from runbook.domain.cluster import Event, Generic
from runbook.domain.helm import HelmRelease, HelmReleaseSpec
from runbook.domain.meta import Meta
from runbook.model import Explained, FirstCause, Gap, NextAct, ObjectRef, Snapshot, Step
from runbook.report.sections import stage_sections
from runbook.retrospective.impact import grouped, repairs


def gone(name: str, *, act: str = "") -> FirstCause:
    """A pod whose image is gone, and the release above it."""
    ref, image = ObjectRef("Pod", "ns", f"{name}-x"), f"r.lab/{name}:9"
    via = (f"Deployment/ns/{name} (applies: labels)", f"Pod/ns/{name}-x (owns: metadata.ownerReferences)")
    held = (Explained(ref, "self"), Explained(ObjectRef("HelmRelease", "ns", name), "caused-by", via))
    next_ = NextAct(act or f"Push {image} again", f"kubectl get pod {name}-x", safe=True)
    return FirstCause("image-not-found", ref, "fact", f"{image}: not found", held, next_, 60)


def flat(text: str) -> str:
    return " ".join(text.split())


class TestSeveralCausesOfOneKind:
    TWO = explanation(gone("alpha"), gone("beta"))

    def test_each_is_a_line_with_its_own_object_and_words_and_each_repair_an_act(self) -> None:
        for text in (first_causes(self.TWO).text(), "".join(Reader(first_causes(self.TWO).html(page=True)).text)):
            for name in ("alpha", "beta"):
                assert f"Pod/ns/{name}-x" in text
                assert f"r.lab/{name}:9: not found" in text
                assert f"Push r.lab/{name}:9 again" in text
                assert f"kubectl get pod {name}-x" in text
        assert "Pod/ns/beta-x, 1 min 00 s old, holds beta: r.lab/beta:9: not found" in first_causes(self.TWO).text()

    def test_the_page_of_the_stage_and_the_list_of_next_acts_have_both(self) -> None:
        sections = {s.id: str(s.body) for s in stage_sections(result(explanation=self.TWO), None)}
        for part in ("causes", "actions"):
            assert "r.lab/alpha:9 again" in sections[part], part
            assert "r.lab/beta:9 again" in sections[part], part
        assert next_acts_table(self.TWO).count == "2, none done"

    def test_the_card_says_what_its_one_act_frees_and_that_another_is_needed(self) -> None:
        text = flat(card_text(result(explanation=self.TWO), RUN))
        assert "Frees 1 release. 1 more repair of this kind is needed" in text

    def test_one_act_for_both_is_said_once(self) -> None:
        same = explanation(gone("alpha", act="Mirror again"), gone("beta", act="Mirror again"))
        text = first_causes(same).text()
        assert text.count("Mirror again") == 1
        assert text.count("kubectl get pod") == 2
        assert "Frees 2 releases. " in flat(card_text(result(explanation=same), RUN)) + " "
        (repair,) = repairs(grouped(same)[0])
        assert [c.object.name for c in repair.causes] == ["alpha-x", "beta-x"]

    def test_many_are_counted_where_they_are_not_all_written_out(self) -> None:
        many = first_causes(explanation(*(gone(f"app{n:02}", act="Mirror again") for n in range(30))))
        assert "and 22 more first causes of this kind: see --format json" in flat(many.text())
        assert "and the same for 27 more" in many.text()
        assert "and 22 more first causes of this kind, in result.json" in many.html()
        each = first_causes(explanation(*(gone(f"app{n:02}") for n in range(30))))
        assert "and 24 more first causes of this kind" in flat(each.text())
        assert len(each.text().split("\n")) < 60

    def test_one_that_is_a_guess_beside_one_that_is_proved_says_so(self) -> None:
        mixed = explanation(gone("alpha"), replace(gone("beta"), proof="hypothesis", decides="the Failed event"))
        text = first_causes(mixed).text()
        assert "Pod/ns/alpha-x, 1 min 00 s old, fact, holds alpha" in text
        assert "Pod/ns/beta-x, 1 min 00 s old, hypothesis, holds beta" in text
        assert "decided by: the Failed event" in text


class TestTheWayDown:
    ONE = gone("alpha")

    def test_nested_lines_from_the_red_object_to_the_words_with_edge_and_proof(self) -> None:
        text = first_causes(explanation(self.ONE), None, [ObjectRef("HelmRelease", "ns", "alpha")]).text()
        lines = text.split("\n")
        at = lines.index("        HelmRelease/ns/alpha")
        assert lines[at + 1 : at + 4] == [
            "        └ Deployment/ns/alpha: what it deployed, seen in labels",
            "          └ Pod/ns/alpha-x: what it made, seen in metadata.ownerReferences",
            "            └ “r.lab/alpha:9: not found” (fact)",
        ]

    def test_only_what_was_asked_for_has_its_way_shown(self) -> None:
        assert "└" not in first_causes(explanation(self.ONE)).text()

    def test_the_page_says_of_each_step_how_it_is_known(self) -> None:
        text = "".join(Reader(first_causes(explanation(self.ONE)).html()).text)
        assert "Deployment/ns/alphabelow it: what it made, seen in metadata.ownerReferences" in text
        assert "HelmRelease/ns/alphabelow it: what it deployed, seen in labels" in text

    def test_a_cause_that_the_last_step_only_names_ends_the_chain(self) -> None:
        shared = replace(self.ONE, object=ObjectRef("Secret", "ns", "s"))
        assert chain(shared, shared.explains[0])[-1] == Step("Secret/ns/s", "what its own words name")
        alike = replace(self.ONE, object=ObjectRef("Pod", "ns", "other"))
        assert chain(alike, alike.explains[0])[-1] == Step("Pod/ns/other", "at fault in the same way")

    @pytest.mark.parametrize(
        ("text", "step"),
        [
            ("Pod/ns/a (owns: metadata.ownerReferences)", Step("Pod/ns/a", "owns", "metadata.ownerReferences")),
            ("Pod/ns/a (calls: its log: “x (y)”)", Step("Pod/ns/a", "calls", "its log: “x (y)”")),
            ("Pod/ns/a", Step("Pod/ns/a")),
            ("odd (words", Step("odd (words")),
        ],
    )
    def test_a_step_reads_back(self, text: str, step: Step) -> None:
        assert Step.parse(text) == step

    def test_an_edge_without_words_is_shown_as_it_is(self) -> None:
        assert step_words(Step("x", "bends", "light")) == "bends, seen in light"
        assert step_words(Step("x", "applies", "its message")) == "what its message names"


class TestNothingRed:
    def test_of_how_many_it_is_the_answer(self) -> None:
        text = first_causes(explanation(), Extent(34, 9)).text()
        assert "Nothing is red among 34 objects of 9 kinds." in text
        assert "hangs on a cause above" not in text

    def test_nothing_observed_is_never_fine(self) -> None:
        assert "that is not the same as fine" in first_causes(explanation(), Extent(0, 0)).text()
        gaps = replace(explanation(), not_evaluated=(Gap("pods", "403"),))
        assert "What could not be evaluated may be red all the same." in first_causes(gaps, Extent(1, 1)).text()

    def test_suspended_ones_are_counted_named_and_a_whole_namespace_is_said(self) -> None:
        def release(name: str, space: str, *, off: bool) -> HelmRelease:
            return HelmRelease(metadata=Meta(name=name, namespace=space), spec=HelmReleaseSpec(suspend=off or None))

        seen = Snapshot(NOW, "c", {
            "HelmRelease": (release("a", "off", off=True), release("b", "half", off=True), release("c", "half", off=False)),
            "Event": (Event(),), "Generic": (Generic(kind="Widget", metadata=Meta(name="w", namespace="off")),), "Pod": (),
        })  # fmt: skip
        looked = extent(seen)
        assert (looked.objects, looked.kinds, looked.whole) == (4, 2, ("off",))
        text = flat(first_causes(explanation(), looked).text())
        assert "2 objects are suspended, so nothing is tried there: HelmRelease/half/b, HelmRelease/off/a." in text
        assert "Namespace off is suspended as a whole" in text
        assert "suspended" in first_causes(explanation(gone("alpha")), looked).text(), "also beside what is red"


class TestGaps:
    def test_many_of_one_reason_are_one_sentence_and_what_matters_comes_first(self) -> None:
        kinds = [f"kind{c}" for c in "abcdefghij"] + ["leases", "events"]
        gaps = tuple(Gap(k, "not in the input") for k in kinds)
        guess = replace(gone("a"), proof="hypothesis", decides="The pod's Failed event, and what the release says.")
        shown = first_causes(replace(explanation(guess), not_evaluated=(*gaps, Gap("pods", "403 Forbidden"))))
        text = flat(shown.text())
        assert "? not evaluated: 12 kinds, not in the input: events, kinda, kindb" in text
        assert "and 4 more" in text
        assert "? not evaluated: pods: 403 Forbidden" in text
        assert text.count("not in the input") == 1
        assert all(k in shown.html() for k in kinds)


class TestAMessageThatIsCut:
    LONG = "Helm install failed for release a/b with chart c: " + "step " * 60 + "and so it ended: connection refused"

    def test_its_beginning_and_its_end_stay_in_sight(self) -> None:
        shown = telling(self.LONG)
        assert shown.startswith("Helm install failed for release")
        assert "and so it ended: connection refused" in shown
        assert "characters)" in shown
        assert len(shown) < 260

    def test_the_words_that_proved_it_too_wherever_they_stand(self) -> None:
        text = "a " * 200 + "exec format error " + "b " * 200
        assert "exec format error" not in telling(text)
        assert "exec format error" in telling(text, "Exec format error")
        found = replace(gone("alpha"), message=text, words="exec format error")
        assert "exec format error" in first_causes(explanation(found)).text()
        assert "exec format error" in first_causes(explanation(found)).html().partition("<details>")[0]

    def test_what_helm_quotes_of_a_log_is_not_its_end(self) -> None:
        assert "connection refused …" in telling(self.LONG + " Last Helm logs: " + "noise " * 90)

    def test_what_is_short_is_whole(self) -> None:
        assert telling("x" * 260) == "x" * 260
        assert telling("a\nb") == "a ⏎ b"


class TestMarkdown:
    HOSTILE = "`a` *b* _c_ [d](e) <script> | # ~~~ \n- f"

    def test_it_is_no_table_for_a_terminal(self) -> None:
        shown = first_causes(explanation(gone("alpha")), None, [ObjectRef("HelmRelease", "ns", "alpha")])
        text = markdown(shown)
        assert text != shown.text()
        lines = text.split("\n")
        assert lines[0] == "## First causes: 1, 0 unexplained"
        assert "- **1 × Image is gone upstream** (image-not-found), fact: alpha, and beneath: 1 Pod" in lines
        assert "      - Deployment/ns/alpha: what it deployed, seen in labels" in lines
        assert "    kubectl get pod alpha-x" in lines

    def test_a_table_is_one_and_a_caption_stands_above_it(self) -> None:
        text = markdown(Stack(Paragraph("said"), Table("Conditions", ("A", "B"), [("x|y", "z")])))
        assert text == "said\n\n**Conditions** 1\n\n| A | B |\n| --- | --- |\n| x\\|y | z |"
        assert markdown(Table("Events", ("A",), [], empty="none")) == "**Events** 0: none"

    def test_what_others_wrote_is_text(self) -> None:
        text = escaped(self.HOSTILE)
        assert "\n" not in text
        assert all(f"\\{c}" in text for c in "`*_[<|#~")
        evil = replace(gone("alpha"), message=self.HOSTILE, next=NextAct(self.HOSTILE, "```\n# heading", safe=True))
        lines = markdown(first_causes(explanation(evil))).split("\n")
        assert not [line for line in lines if line.startswith(("# ", "- f", "<"))]
        assert "    ````sh" in lines


def test_next_acts_of_one_kind_come_in_the_order_that_frees_most() -> None:
    two = replace(gone("both"), explains=(*gone("both").explains, Explained(VELERO, "caused-by")))
    assert [str(row[1]) for row in next_acts_table(explanation(gone("alpha"), two)).rows] == [
        "2 of image-not-found",
        "1 of image-not-found",
    ]
    assert cause("x", [VELERO]).words == ""
