"""Where the stages compute, from the block `runtime` of the params."""

from hearlog.params import Params
from hearlog.runtime.backend import Backend, start_backend


def backend(settings: Params) -> Backend:
    """Prepare this process for numerical work."""
    asked = settings.runtime
    return start_backend(asked.device, asked.precision, asked.threads, asked.devices, asked.strategy, asked.compile)
