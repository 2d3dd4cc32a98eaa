"""describe workflows

Revision ID: 591153216007
Revises: da7ef6ccc8dc
Create Date: 2026-08-13 09:20:31.806225
"""

import sqlalchemy as sa
from alembic import op

revision = "591153216007"
down_revision = "da7ef6ccc8dc"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workflows", sa.Column("description", sa.String(length=1000), nullable=True))
    op.add_column("workflows", sa.Column("step_count", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("workflows", "step_count")
    op.drop_column("workflows", "description")
