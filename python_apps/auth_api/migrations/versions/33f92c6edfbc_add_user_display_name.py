"""add user display name

Revision ID: 33f92c6edfbc
Revises: b888cdd1fad4
Create Date: 2026-08-17 14:30:05.902317
"""

import sqlalchemy as sa
from alembic import op

revision = "33f92c6edfbc"
down_revision = "b888cdd1fad4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("display_name", sa.String(length=120), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "display_name")
