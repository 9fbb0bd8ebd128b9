"""Releases and Kustomizations whose dependsOn lead back to where they began: the circle is the first cause, where it is one."""

from __future__ import annotations

from typing import Any

import pytest
from diagnosis_worlds import ago, condition, failed, meta, release, snapshot

from runbook.diagnosis import explain
from runbook.model import Explanation

Object = dict[str, Any]


def waits(name: str, *on: str, says: str = "", kind: str = "HelmRelease", namespace: str = "ns") -> Object:
    """One that says that it waits for the first of those its spec names, or for another."""
    said = f"dependency '{says or f'ns/{on[0]}'}' is not ready"
    names = [{"name": other} for other in on]
    return {**release(namespace, name, said, "DependencyNotReady", dependsOn=names), "kind": kind}


def well(name: str, *on: str) -> Object:
    """One that is ready: what it says of its dependencies is of no weight."""
    return release(
        "ns", name, "Helm install succeeded", "InstallSucceeded", ready="True", dependsOn=[{"name": o} for o in on]
    )


def reasons(explanation: Explanation) -> dict[str, str]:
    """Why each is unexplained, by name."""
    return {u.object.name: u.why for u in explanation.unexplained}


class TestACircle:
    THREE = (waits("a", "b"), waits("b", "c"), waits("c", "a"))

    @pytest.mark.parametrize("kind", ["HelmRelease", "Kustomization"])
    def test_is_one_first_cause_and_its_members_block_each_other(self, kind: str) -> None:
        found = explain(snapshot(*({**one, "kind": kind} for one in self.THREE)))
        (cause,) = found.first_causes
        assert (cause.cause, cause.proof, str(cause.object)) == ("dependency-circle", "fact", f"{kind}/ns/a")
        assert cause.message == (
            f"Each waits for the next by spec.dependsOn: {kind}/ns/a → {kind}/ns/b → {kind}/ns/c → {kind}/ns/a"
        )
        assert {e.object.name: (e.relation, len(e.via)) for e in cause.explains} == {
            "a": ("self", 0),
            "b": ("blocked-by", 2),
            "c": ("blocked-by", 1),
        }
        assert cause.explains[1].via[0] == f"{kind}/ns/c (depends-on: spec.dependsOn)"
        assert found.unexplained == ()
        assert cause.next.text.endswith(f"{kind}/ns/c → {kind}/ns/a.")
        assert cause.next.command == f'kubectl get {kind} -n ns a -o jsonpath="{{.spec.dependsOn}}"'

    def test_of_one_is_one_too(self) -> None:
        (cause,) = explain(snapshot(waits("a", "a"))).first_causes
        assert (cause.cause, [e.relation for e in cause.explains]) == ("dependency-circle", ["self"])

    def test_blocks_those_that_wait_for_it_from_outside(self) -> None:
        (cause,) = explain(snapshot(*self.THREE, waits("x", "y"), waits("y", "b"))).first_causes
        assert {e.object.name: e.relation for e in cause.explains} == {
            "a": "self", "b": "blocked-by", "c": "blocked-by", "x": "blocked-by", "y": "blocked-by",
        }  # fmt: skip

    def test_stands_beside_another(self) -> None:
        found = explain(snapshot(*self.THREE, waits("p", "q"), waits("q", "p")))
        assert [(c.cause, c.object.name) for c in found.first_causes] == [
            ("dependency-circle", "a"),
            ("dependency-circle", "p"),
        ]

    def test_of_thousands_ends_and_is_told_in_short(self) -> None:
        found = explain(snapshot(*(waits(f"r{n:04}", f"r{(n + 1) % 2000:04}") for n in range(2000))))
        (cause,) = found.first_causes
        assert len(cause.explains) == 2000
        assert cause.message.endswith("HelmRelease/ns/r0010 → 1989 more → HelmRelease/ns/r0000")
        assert max(len(e.via) for e in cause.explains) < 70

    def test_is_as_old_as_the_oldest_of_its_messages(self) -> None:
        late = waits("b", "a")
        late["status"]["conditions"][0]["lastTransitionTime"] = ago(50)
        (cause,) = explain(snapshot(waits("a", "b"), late)).first_causes
        assert cause.age_seconds == 600


class TestNoCircle:
    """Where any link of it is not both declared and said."""

    @pytest.mark.parametrize(
        "broken",
        [
            well("c", "a"),
            release(
                "ns",
                "c",
                failed("ns", "c", "values don't meet the specifications of the schema(s)"),
                dependsOn=[{"name": "a"}],
            ),
            waits("c", "d", says="ns/a"),  # its spec has been changed since it spoke
            waits("c", "a", says="ns/d"),
            {**waits("c", "a"), "spec": {"dependsOn": [{"name": "a"}], "suspend": True}},
            {**waits("c", "a"), "kind": "Kustomization"},
            {**waits("c", "a"), "metadata": meta("ns", "c", generation=7)},
            {
                **waits("c", "a"),
                "status": {"conditions": [condition("Ready", "Unknown", "Progressing", "Running install")]},
            },
        ],
    )
    def test_is_told(self, broken: Object) -> None:
        found = explain(snapshot(waits("a", "b"), waits("b", "c"), broken))
        assert "dependency-circle" not in {c.cause for c in found.first_causes}
        stand = [*(e.object for c in found.first_causes for e in c.explains), *(u.object for u in found.unexplained)]
        assert len(stand) == len(set(stand))

    def test_of_one_that_is_not_there(self) -> None:
        found = explain(snapshot(waits("a", "b"), waits("b", "c")))
        assert found.first_causes == ()
        assert reasons(found)["b"] == "it waits for HelmRelease/ns/c, which does not exist"

    def test_of_one_whose_words_name_no_dependency_it_is_still_said_that_it_waits_for_itself(self) -> None:
        said = [release("ns", n, "dependencies do not meet ready condition", "DependencyNotReady", dependsOn=[{"name": o}]) for n, o in ("ab", "ba")]  # fmt: skip
        found = explain(snapshot(*said))
        assert found.first_causes == ()
        assert set(reasons(found)) == {"a", "b"}
        assert any("it waits for itself: " in why for why in reasons(found).values())
