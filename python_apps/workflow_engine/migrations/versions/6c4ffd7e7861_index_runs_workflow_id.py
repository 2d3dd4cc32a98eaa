"""index runs workflow id

Built without blocking writers, which PostgreSQL does outside a transaction only. It is therefore the
only statement of this revision, and a run that was broken off is repeated from a clean state.

Revision ID: 6c4ffd7e7861
Revises: 9242fe5f098d
Create Date: 2026-09-16 14:55:02.087436
"""

from alembic import op

revision = "6c4ffd7e7861"
down_revision = "9242fe5f098d"
branch_labels = None
depends_on = None

INDEX = "ix_runs_workflow_id"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # A build that was broken off leaves an invalid index of this name.
        op.drop_index(INDEX, table_name="runs", if_exists=True, postgresql_concurrently=True)
        op.create_index(INDEX, "runs", ["workflow_id"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(INDEX, table_name="runs", if_exists=True, postgresql_concurrently=True)
