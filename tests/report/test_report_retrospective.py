"""The cause changed, not just the colour: sentences with times and the act between, from recorded results and states."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from report_samples import (
    BOT,
    FRONT,
    HOOK,
    NOW,
    READY,
    RED,
    RUN,
    SEALED,
    VELERO,
    cause,
    criterion,
    explanation,
    green,
    night,
    red,
    release,
    result,
    unknown,
)

from runbook.display import CauseMoves, believed_table, follow_ups_table, retrospective_view
from runbook.display.lookback import effect_sentence
from runbook.domain.flux import Artifact, FluxStatus, GitRepository
from runbook.domain.helm import HelmRelease, HelmReleaseSpec
from runbook.domain.meta import Meta
from runbook.domain.probes import RegistryTrust
from runbook.model import Action, Finding, ObjectRef, Result, Snapshot, StageResult, Verdict
from runbook.retrospective import (
    Act,
    box,
    boxes,
    chain,
    edits,
    impact,
    recorded_acts,
    review,
    service_rows,
    states,
    symptom,
    ticket_block,
)
from runbook.retrospective.edits import READ

FFL = ObjectRef("HelmRelease", "ffl", "ffl-backend")
CA = Act("A1, A2: CA written for both names", NOW + timedelta(minutes=3), "operator")
TIMEOUT = Act("timeout 5m → 10m on all failing releases", NOW + timedelta(minutes=16))


def seeds_night() -> list[StageResult]:
    """Certificate; hook timeouts with ffl-backend among them; the end, in which only ffl-backend healed."""
    first, second, third = night()
    cert = explanation(cause("registry-ca-untrusted", (*RED, FFL)))
    assert second.explanation is not None
    left = replace(second.explanation, unexplained=explanation(left=(FRONT, FFL)).unexplained)
    return [
        replace(first, explanation=cert, findings=(*first.findings, release(FFL, ready=False, said=HOOK))),
        replace(second, explanation=left, findings=(*second.findings, release(FFL, ready=False, said=HOOK))),
        replace(third, findings=(*third.findings, release(FFL, ready=True))),
    ]


def test_three_recorded_states_give_the_sentence_with_both_times_and_the_act_between() -> None:
    story = review(seeds_night(), (CA, TIMEOUT))
    assert CauseMoves(story).headline() == "The cause changed twice: certificate → hook timeout → sealing key"
    certificate, hook, key = CauseMoves(story).sentences()[:3]
    assert certificate.startswith("Certificate (first cause) at 11:17:28Z, 12 releases")
    assert "A1, A2: CA written for both names at 11:18:58Z" in certificate
    assert hook.startswith("Hook timeout (cause shown) at 11:26:58Z")
    assert "timeout 5m → 10m on all failing releases at 11:31:58Z; from 11:41:58Z another." in hook
    assert key.startswith("Sealing key (first cause) at 11:41:58Z")


def test_per_release_the_chain_ends_in_what_is_really_wrong_or_in_ready() -> None:
    looks = states(seeds_night())
    assert [c for c, _ in chain(looks, SEALED[0])] == [
        "registry-ca-untrusted",
        "helm-hook-timeout",
        "sealed-secret-key-mismatch",
    ]
    assert [c for c, _ in chain(looks, FFL)] == ["registry-ca-untrusted", "helm-hook-timeout", "ready"]
    assert [at for _, at in chain(looks, FFL)] == [look.at for look in looks]


def test_the_raised_timeout_healed_one_and_moved_nothing_for_the_others() -> None:
    effect = review(seeds_night(), (CA, TIMEOUT)).effects[-1]
    assert effect.healed == (FFL,)
    assert effect.moved == ()
    assert set(effect.unmoved) == set(RED)
    said = effect_sentence(effect)
    assert "timeout 5m → 10m" in said
    assert "healed 1 (ffl-backend)" in said
    assert "moved nothing for 11" in said
    assert not effect.nothing


def test_an_act_that_moved_nothing_at_all_is_told_so() -> None:
    again = [
        red(),
        replace(red(), attempt=2, ended=NOW + timedelta(minutes=9), cluster_time=NOW + timedelta(minutes=9)),
    ]
    effect = review(again, (Act("timeout 5m → 10m", NOW + timedelta(minutes=4)),)).effects[0]
    assert effect.nothing
    assert effect_sentence(effect).startswith("Your action moved nothing: timeout 5m → 10m at 11:19:58Z; 11 releases")


def test_a_timeout_is_never_called_a_first_cause() -> None:
    for line in CauseMoves(review(seeds_night(), (CA, TIMEOUT))).text().split("\n"):
        assert "timeout (first cause)" not in line


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Helm upgrade failed: pre-upgrade hooks failed: timed out waiting for the condition", "helm-hook-timeout"),
        ("Helm install failed: context deadline exceeded", "helm-wait-timeout"),
        ("dependency 'a/b' is not ready", ""),
        ("", ""),
    ],
)
def test_a_releases_message_tells_its_symptom(said: str, name: str) -> None:
    assert symptom(said) == name


def test_a_lower_stage_begins_a_new_look() -> None:
    order = ["preflight", "registry-trust", "verify", "diagnose", "cleanup", "reconcile", "verify", "diagnose"]
    looks = states([result(stage=s, minutes=n) for n, s in enumerate(order)])
    assert [[a.stage for a in look.attempts] for look in looks] == [order[:4], order[4:]]


def test_where_no_release_fails_that_is_said_and_not_counted() -> None:
    assert impact(explanation()).sentence() == "No HelmRelease fails by the last diagnosis"
    assert impact(explanation(left=(FRONT,))).sentence().startswith("1 HelmReleases: 0 explained, 0 ")


def test_what_could_not_be_read_is_no_calm() -> None:
    refused = unknown().explanation
    assert refused is not None
    assert impact(refused).sentence() == (
        "No HelmRelease fails by the last diagnosis, which could not read everything: helmreleases"
    )


def test_the_impact_is_eight_one_one_one() -> None:
    explained = red().explanation
    assert explained is not None
    found = impact(explained)
    assert (found.direct, found.blocked, found.unexplained, found.unrelated) == (8, 1, 1, 1)
    assert found.failing == len(RED) == 11
    assert found.main == "sealed-secret-key-mismatch"


def test_ticked_boxes_that_the_evidence_does_not_keep_are_listed_and_the_others_are_not() -> None:
    story = review([red()])
    assert [b.believed for b in story.believed] == [
        "All HelmReleases reconcile successfully",
        "No ImagePullBackOff errors",
        "Smoke tests",
    ]
    assert "16 / 27" in believed_table(story).text()
    assert "not evaluated" in story.believed[2].measured


def row(name: str, outcome: Result, *, ticked: bool, check: str = "services-running") -> Finding:
    facts = {"text": f"{name} running", "ticked": ticked}
    return Finding(check, ObjectRef("Checklist", "", name), outcome, "0 workloads", (), facts)


def test_the_tickets_service_rows_are_boxes_too() -> None:
    rows = (row("CCbot", Result.FAIL, ticked=False), row("FFL backend", Result.PASS, ticked=True))
    believed = row("Sealed Secrets", Result.FAIL, ticked=True, check="infrastructure-ready")
    story = review([replace(red(), findings=(*red().findings, *rows, believed))])
    assert [c.text for c in service_rows(story.last.findings)] == [
        "CCbot running",
        "FFL backend running",
        "Sealed Secrets running",
    ]
    assert [c.group for c in boxes(story.last)][-1] == "success"
    assert "Sealed Secrets running" in [b.believed for b in story.believed]
    block = ticket_block(story)
    assert "- [ ] CCbot running: 0/1, fail." in block
    assert "- [x] FFL backend running: 1/1." in block


@pytest.mark.parametrize(
    ("outcome", "start"),
    [
        (Result.PASS, "- [x] "),
        (Result.FAIL, "- [ ] "),
        (Result.ERROR, "- [ ] "),
        (Result.WARN, "- [ ] "),
        (Result.SKIP, "- [ ] "),
    ],
)
def test_only_a_pass_ticks_a_box(outcome: Result, start: str) -> None:
    assert box(criterion("Cluster is stable", outcome, 0, 1)).startswith(start)


def test_the_seeds_end_cannot_be_rendered_as_completed() -> None:
    assert ticket_block(review([red()])).startswith("status: open\n")
    assert ticket_block(review([unknown()])).startswith("status: open, not evaluated in part\n")
    assert ticket_block(review([green()])).startswith("status: completed\n")
    assert "8 sealed-secret-key-mismatch, 1 blocked by one of them, 1 unexplained" in ticket_block(review([red()]))


def test_a_follow_up_without_an_owner_and_a_date_says_so() -> None:
    table = follow_ups_table(review([red()]))
    assert table.counted == "2: 0 owned, 2 not"
    assert "nobody yet" in table.text()
    assert "no date" in table.text()
    assert any("midwestmtg-frontend" in str(r[0]) for r in table.rows)


def snapshot(minutes: float, *, timeout: str, revision: str, anchors: tuple[str, ...]) -> Snapshot:
    at = NOW + timedelta(minutes=minutes)
    status = FluxStatus(artifact=Artifact(revision=revision, last_update_time=at - timedelta(minutes=2)))
    releases = tuple(
        HelmRelease(metadata=Meta(name=r.name, namespace=r.namespace), spec=HelmReleaseSpec(timeout=timeout))
        for r in RED
    )
    source = GitRepository(metadata=Meta(name="beckerkube", namespace="flux-system"), status=status)
    trust = RegistryTrust(vantage="beckerbox", runtime="docker", host="192.168.7.21:5000", anchors=anchors)
    return Snapshot(at, "b", {"HelmRelease": releases, "GitRepository": (source,), "RegistryTrust": (trust,)})


def test_what_somebody_changed_is_read_from_the_observed_objects() -> None:
    ca = "/etc/docker/certs.d/192.168.7.21:5000/ca.crt"
    looks = [
        snapshot(1, timeout="", revision="main@sha1:aaaaaaaaaaaa", anchors=("system",)),
        Snapshot(NOW + timedelta(minutes=2), "b", {}),
        snapshot(11, timeout="", revision="main@sha1:aaaaaaaaaaaa", anchors=("system", ca)),
        snapshot(26, timeout="10m", revision="main@sha1:bbbbbbbbbbbb", anchors=("system", ca)),
    ]
    found = edits(looks)
    assert [(a.what, a.at) for a in found] == [
        ("CA installed on beckerbox for 192.168.7.21:5000", NOW + timedelta(minutes=11)),
        ("Git: main@sha1:aaaaaaaa → main@sha1:bbbbbbbb in beckerkube", NOW + timedelta(minutes=24)),
        ("timeout unset → 10m on midwestmtg-backend, midwestmtg-discord-bot, midwestmtg-frontend and 8 more",
         NOW + timedelta(minutes=24)),
    ]  # fmt: skip
    assert edits(looks[2:3]) == ()
    read = [replace(look, objects={k: o for k, o in look.objects.items() if k in READ}) for look in looks]
    assert edits(read) == found  # these kinds alone are loaded for it from a run's folder
    story = review(seeds_night(), snapshots=looks)
    assert "timeout unset → 10m" in CauseMoves(story).text().replace("\n", " ")


def test_without_observations_changed_facts_are_told_with_the_look_that_saw_them() -> None:
    was = Finding("registry-trust", ObjectRef("Node", "", "b"), Result.FAIL, "no", (), {"step": "chain"})
    now = replace(was, result=Result.PASS, facts={"anchors": ["/etc/docker/certs.d/r/ca.crt"]})
    story = [result(findings=(was,)), result(findings=(now,), minutes=9, attempt=2)]
    (act,) = recorded_acts(story)
    assert act.what == "anchors unset → /etc/docker/certs.d/r/ca.crt on b"
    assert act.who == "seen by the next look"


def test_our_own_acts_are_told_as_ours_and_planned_ones_are_not_told() -> None:
    done = Action("A1", "write-ca", ObjectRef("Node", "", "b"), "r", "u", "c", outcome="changed")
    story = [result(actions=(done, replace(done, id="A2", outcome="planned")))]
    (act,) = recorded_acts(story)
    assert (act.who, act.what) == ("operator", "write-ca b: changed")


def test_nothing_recorded_teaches_nothing() -> None:
    with pytest.raises(ValueError, match="nothing to look back on"):
        review([])
    with pytest.raises(ValueError, match="nothing to look back on"):
        review([result(stage="retrospective")])


def test_a_green_run_claims_no_cause_and_no_false_belief() -> None:
    story = review([green()])
    assert story.verdict is Verdict.PASS
    assert CauseMoves(story).headline() == "No cause was shown"
    assert story.believed == ()
    assert "every ticked box is kept" in retrospective_view(story).text()


def test_people_count_each_release_once_whoever_waits_for_whom() -> None:
    counted = [*SEALED, BOT, FRONT, VELERO]
    assert sorted(counted) == sorted(RED)
    assert not set(RED) & set(READY)
    assert RUN["rehearsal"] is True


def test_nobody_is_mentioned_by_what_a_cluster_said() -> None:
    said = "asked by @becker: chart velero@8.1.0 (@ops)"
    block = ticket_block(review([replace(red(), criteria=(criterion("All", Result.FAIL, 0, 1, reason=said),))]))
    assert "asked by (at)becker: chart velero@8.1.0 ((at)ops)" in block


def test_the_progress_log_has_an_entry_for_each_stage_that_ran() -> None:
    told = [(e.at, e.text) for e in review(seeds_night()).timeline if e.what == "stage"]
    assert [name for _, name in told] == ["verify", "verify, attempt 2", "verify, attempt 3"]
    assert [at for at, _ in told] == sorted(look.at for look in states(seeds_night()))
