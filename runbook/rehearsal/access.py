"""RBAC, evaluated from the Role and ClusterRole objects and bindings in the store [kk:plugin/pkg/auth/authorizer/rbac]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbook.rehearsal.apierrors import ApiError
from runbook.rehearsal.lifecycle import Object
from runbook.rehearsal.messages import User
from runbook.rehearsal.selectors import match_labels
from runbook.rehearsal.store import Store

RBAC = "rbac.authorization.k8s.io/v1"
MASTERS = "system:masters"
Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Attributes:
    """What is asked for: a verb on a resource, or on a `path` that is no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def qualified(self) -> str:
        """`pods`, `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True)
class Decision:
    """Whether, and why."""

    allowed: bool
    reason: str = ""


class Authorizer:
    """Answers for one store. Members of `system:masters` may do everything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def decide(self, user: User, asked: Attributes) -> Decision:
        """Look for one rule that allows it."""
        if MASTERS in user.groups:
            return Decision(True)
        missing: list[str] = []
        for binding, rules in self._bound(user, asked.namespace, missing):
            if any(allows(rule, asked) for rule in rules):
                return Decision(True, self._because(binding, user))
        return Decision(False, f"RBAC: [{', '.join(missing)}]" if missing else "")

    def require(self, user: User, asked: Attributes) -> None:
        """Raise ApiError 403 in a real server's words unless it is allowed."""
        decision = self.decide(user, asked)
        if not decision.allowed:
            raise denial(user, asked, decision.reason)

    def rules(self, user: User, namespace: str) -> list[Rule]:
        """Every rule that holds for a user in a namespace, as SelfSubjectRulesReview lists them."""
        if MASTERS in user.groups:
            every = ["*"]
            return [
                {"verbs": every, "apiGroups": every, "resources": every},
                {"verbs": every, "nonResourceURLs": every},
            ]
        return [rule for _binding, rules in self._bound(user, namespace, []) for rule in rules]

    def _bound(self, user: User, namespace: str, missing: list[str]) -> Iterator[tuple[Object, list[Rule]]]:
        for kind, where in (("ClusterRoleBinding", None), ("RoleBinding", namespace)):
            for binding in self._store.list(self._store.by_kind[RBAC, kind], where):
                if any(_is_subject(subject, user) for subject in binding.get("subjects") or ()):
                    yield binding, self._role(binding, missing)

    def _role(self, binding: Object, missing: list[str]) -> list[Rule]:
        reference = binding["roleRef"]
        namespace = binding["metadata"].get("namespace") if reference["kind"] == "Role" else None
        kind = self._store.by_kind[RBAC, reference["kind"]]
        role = self._store.find(kind, namespace, reference["name"])
        if role is None:
            missing.append(f'{reference["kind"].lower()}.rbac.authorization.k8s.io "{reference["name"]}" not found')
            return []
        rules = list(role.get("rules") or ())
        for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
            match = match_labels(selector)
            for other in self._store.list(kind):
                if other is not role and match(other["metadata"].get("labels") or {}):
                    rules += other.get("rules") or ()
        return rules

    @staticmethod
    def _because(binding: Object, user: User) -> str:
        reference, metadata = binding["roleRef"], binding["metadata"]
        name = f"{metadata['name']}/{metadata['namespace']}" if metadata.get("namespace") else metadata["name"]
        subject = next(s for s in binding["subjects"] if _is_subject(s, user))
        whom = f'{subject["kind"]} "{subject["name"]}"'
        return f'RBAC: allowed by {binding["kind"]} "{name}" of {reference["kind"]} "{reference["name"]}" to {whom}'


def denial(user: User, asked: Attributes, reason: str = "") -> ApiError:
    """The 403 a real server answers."""
    tail = f": {reason}" if reason else ""
    if asked.path:
        return ApiError(
            403, "Forbidden", f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"{tail}'
        )
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    named = f'{qualified} "{asked.name}"' if asked.name else qualified
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    message = (
        f'{named} is forbidden: User "{user.name}" cannot {asked.verb} resource "{asked.qualified}" '
        f'in API group "{asked.group}" {where}{tail}'
    )
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    return ApiError(403, "Forbidden", message, {key: value for key, value in details.items() if value})


def allows(rule: Rule, asked: Attributes) -> bool:
    """Whether one PolicyRule covers what is asked."""
    if not _has(rule.get("verbs"), asked.verb):
        return False
    if asked.path:
        return any(_covers(url, asked.path) for url in rule.get("nonResourceURLs") or ())
    if not _has(rule.get("apiGroups"), asked.group):
        return False
    names = rule.get("resourceNames") or ()
    if names and asked.name not in names:
        return False
    wanted = ["*", asked.qualified] + ([f"*/{asked.subresource}"] if asked.subresource else [])
    return any(resource in wanted for resource in rule.get("resources") or ())


def _has(values: Any, wanted: str) -> bool:
    return any(value in ("*", wanted) for value in values or ())


def _covers(url: str, path: str) -> bool:
    return url == path or (url.endswith("*") and path.startswith(url[:-1]))


def _is_subject(subject: Rule, user: User) -> bool:
    name = subject.get("name")
    if subject.get("kind") == "Group":
        return name in user.groups
    if subject.get("kind") == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.get('namespace')}:{name}"
    return name == user.name
