"""add document word count

Revision ID: 1cf31a5504e8
Revises: 410cc79b2a2c
Create Date: 2026-08-19 16:40:33.957201
"""

import sqlalchemy as sa
from alembic import op

revision = "1cf31a5504e8"
down_revision = "410cc79b2a2c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("word_count", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("documents", "word_count")
