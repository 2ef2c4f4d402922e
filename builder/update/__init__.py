"""Brings existing services forward: three-way per file, planned whole, then written journalled.

plan = plan_update(destination, generated)
published = apply_update(plan)
"""

from builder.update.files import FileUpdate
from builder.update.plan import UpdatePlan, plan_update
from builder.write import Published
from builder.write.existing import apply_changes

__all__ = ["FileUpdate", "UpdatePlan", "apply_update", "plan_update"]


def apply_update(plan: UpdatePlan) -> Published:
    """Write what was planned: all of it, or nothing. Raises as ``apply_changes`` does.

    Conflicts are written too, marked; ``plan.conflicts`` tells them.
    """
    if not plan.changes:
        return Published(plan.destination)
    return apply_changes(plan.destination, plan.changes)
