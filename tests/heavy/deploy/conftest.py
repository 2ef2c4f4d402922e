"""What the tests of the files for Kubernetes share."""

from tests.deploy.conftest import service_of

__all__ = ["service_of"]
