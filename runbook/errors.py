"""Every error this package raises on purpose, as one tree.

    RunbookError                       exit  1   the run broke, or something could not be evaluated
    ├── UsageError                     exit  2   what was asked cannot be asked; nothing was touched
    │   ├── ParameterError                       a notebook parameter or an option
    │   ├── InventoryError                       the inventory file: what should be true
    │   ├── KubeconfigError                      the kubeconfig, its context or its credentials
    │   ├── ClusterIdentityError                 not a Kubernetes API server, or not the one that was meant
    │   ├── RunFolderError                       a run folder that is truncated, foreign or of a newer schema
    │   ├── ScenarioError                        a scenario folder of the embedded cluster
    │   ├── LockedError                          another operator acts on this cluster now
    │   └── NotBuiltError                        promised, not built yet: refused by name
    ├── ObservationError               exit  1   one thing could not be observed: it becomes NOT EVALUATED, never empty
    │   ├── DeniedError                          401 or 403
    │   ├── MissingError                         404: the object, or the whole kind, is not served
    │   ├── TimedOutError                        no answer within the time allowed
    │   ├── UnreachableError                     refused, reset, no route, no such host, TLS refused
    │   └── MalformedError                       an answer that cannot be read
    ├── ActionError                    exit  1   a change that was not made, or of which is not known whether it was
    │   ├── RefusedError                         the server or one of our own guards refuses it
    │   ├── ConflictError                        409: the object moved on, or is another one of the same name
    │   └── OutcomeUnknownError                  sent and not answered: to be looked at before anything is said of it
    ├── EvidenceError                  exit  1   the record could not be written or read (disk full, altered, foreign)
    ├── VerdictFailed                  exit  3   raised by a notebook's last cell after everything was recorded
    ├── DeadlineError                  exit 124  the time given with --deadline is over
    └── InterruptedRun                 exit 130  Ctrl-C (130) or SIGTERM (143)

A message names the object, the cause and the next act, and never shows a secret.
"""

from __future__ import annotations


class RunbookError(Exception):
    """Base of the tree.

    `exit_code` is the process's exit code when nobody handles the error; `hint` is the next act, one sentence.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the sentence and the next act."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(RunbookError):
    """What was asked cannot be asked. `field` is the path of the offending field, such as `nodes[1].runtime`."""

    exit_code = 2

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message, hint=hint)
        self.field = field


class ParameterError(UsageError):
    """A notebook parameter or a command line option is unknown or mistyped."""


class InventoryError(UsageError):
    """The inventory is missing, is not YAML, or says something that cannot be meant."""


class KubeconfigError(UsageError):
    """The kubeconfig is missing, names no such context, or its credentials cannot be used."""


class ClusterIdentityError(UsageError):
    """The server is not a Kubernetes API server, cannot be trusted, or is another cluster than the one meant."""


class RunFolderError(UsageError):
    """A run folder is truncated, foreign, or written by a newer version."""


class ScenarioError(UsageError):
    """A scenario folder cannot be read."""


class LockedError(UsageError):
    """Another operator acts on this cluster now; two at once would each prove what the other has changed."""


class NotBuiltError(UsageError):
    """A promise that this version does not keep yet. It is refused by name instead of being done half."""


class ObservationError(RunbookError):
    """One thing could not be observed. `what` names it as people would: `pods in all namespaces`."""

    def __init__(self, what: str, why: str, *, hint: str = "") -> None:
        super().__init__(f"{what}: {why}", hint=hint)
        self.what = what
        self.why = why


class DeniedError(ObservationError):
    """The server refuses this identity (401, 403)."""


class MissingError(ObservationError):
    """The object or its kind is not served (404)."""


class TimedOutError(ObservationError):
    """No answer within the time allowed."""


class UnreachableError(ObservationError):
    """No connection: refused, reset, no route, no such host, or TLS that was not accepted."""


class MalformedError(ObservationError):
    """An answer that cannot be read as what it claims to be."""


class ActionError(RunbookError):
    """A change that did not come about. `what` names the change and its object."""

    def __init__(self, what: str, why: str, *, hint: str = "") -> None:
        super().__init__(f"{what}: {why}", hint=hint)
        self.what = what
        self.why = why


class RefusedError(ActionError):
    """The server refuses the change (401, 403, 422, an admission webhook), or a guard of ours does."""


class ConflictError(ActionError):
    """409: the object has moved on since it was read, or another one bears its name."""


class OutcomeUnknownError(ActionError):
    """The change was sent and no answer came: it may have been made. Look before saying anything of it."""


class EvidenceError(RunbookError):
    """The record could not be written or read back."""


class VerdictFailed(RunbookError):
    """The stage was recorded and its verdict is not a pass. Raised last, so that plain papermill fails too."""

    def __init__(self, message: str, *, exit_code: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class DeadlineError(RunbookError):
    """The time given with `--deadline` is over."""

    exit_code = 124


class InterruptedRun(RunbookError):
    """The run was stopped by a person (130) or by SIGTERM (143)."""

    exit_code = 130

    def __init__(self, message: str, *, exit_code: int = 130, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code
