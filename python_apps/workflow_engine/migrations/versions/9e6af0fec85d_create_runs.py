"""create runs

Revision ID: 9e6af0fec85d
Revises: da7ef6ccc8dc
Create Date: 2026-08-12 13:02:44.190377
"""

import sqlalchemy as sa
from alembic import op

revision = "9e6af0fec85d"
down_revision = "da7ef6ccc8dc"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("workflow_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_runs_workflow_id_workflows"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )


def downgrade() -> None:
    op.drop_table("runs")
