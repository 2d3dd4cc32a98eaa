"""count workflow steps

Data migration in Python: it reads every workflow, so there is no SQL to print for it.

Revision ID: 9242fe5f098d
Revises: 345b784521c1
Create Date: 2026-08-27 11:13:20.664850
"""

import sqlalchemy as sa
from alembic import context, op
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql

revision = "9242fe5f098d"
down_revision = "345b784521c1"
branch_labels = None
depends_on = None

# The table as it is at this revision: the models move on, this file does not.
workflows = sa.table(
    "workflows",
    sa.column("id", sa.Integer),
    sa.column("steps", postgresql.JSONB),
    sa.column("step_count", sa.Integer),
)


def upgrade() -> None:
    if context.is_offline_mode():
        raise CommandError(f"{revision} (count workflow steps) reads rows, so it has no SQL: run it online")
    connection = op.get_bind()
    for workflow_id, steps in connection.execute(sa.select(workflows.c.id, workflows.c.steps)).all():
        counted = workflows.update().where(workflows.c.id == workflow_id).values(step_count=len(steps))
        connection.execute(counted)


def downgrade() -> None:
    # The counts go with their column, two revisions below.
    pass
