"""The one place that writes services: whole or not at all. For Linux and macOS; not for Windows.

``builder.write.existing`` has what is done to services that exist; a new one does not load it.
"""

from builder.write.contract import Published
from builder.write.publish import check_destination, publish

__all__ = ["Published", "check_destination", "publish"]
