"""add document source

Revision ID: 0f0795e71597
Revises: 410cc79b2a2c
Create Date: 2026-08-19 15:11:07.628149
"""

import sqlalchemy as sa
from alembic import op

revision = "0f0795e71597"
down_revision = "410cc79b2a2c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("source", sa.String(length=500), nullable=True))


def downgrade() -> None:
    op.drop_column("documents", "source")
