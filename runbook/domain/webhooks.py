"""Admission webhooks: whom the API server asks before it stores an object, and how it trusts that one."""

from __future__ import annotations

from typing import ClassVar

from runbook.domain.meta import Observed, Resource
from runbook.model import ObjectRef


class ServiceRef(Observed, frozen=True):
    """clientConfig.service."""

    name: str = ""
    namespace: str = ""


class ClientConfig(Observed, frozen=True):
    """webhooks[].clientConfig: a Service or a URL. Without `ca_bundle` the API server trusts its own system's roots."""

    service: ServiceRef | None = None
    url: str = ""
    ca_bundle: str = ""


class Webhook(Observed, frozen=True):
    """webhooks[]."""

    name: str = ""
    client_config: ClientConfig = ClientConfig()

    @property
    def service(self) -> ObjectRef | None:
        """The Service that answers; None where the API server is sent elsewhere."""
        named = self.client_config.service
        return ObjectRef("Service", named.namespace, named.name) if named else None


class WebhookConfiguration(Resource, frozen=True):
    """What both kinds have in common."""

    webhooks: tuple[Webhook, ...] | None = None


class ValidatingWebhookConfiguration(WebhookConfiguration, frozen=True):
    """admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration."""

    KIND: ClassVar[str] = "ValidatingWebhookConfiguration"


class MutatingWebhookConfiguration(WebhookConfiguration, frozen=True):
    """admissionregistration.k8s.io/v1 MutatingWebhookConfiguration."""

    KIND: ClassVar[str] = "MutatingWebhookConfiguration"


CONFIGURATIONS = (ValidatingWebhookConfiguration, MutatingWebhookConfiguration)
