"""create roles

Revision ID: 71b1183ca93b
Revises: b888cdd1fad4
Create Date: 2026-08-18 10:04:52.447190
"""

import sqlalchemy as sa
from alembic import op

revision = "71b1183ca93b"
down_revision = "b888cdd1fad4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_roles")),
    )


def downgrade() -> None:
    op.drop_table("roles")
