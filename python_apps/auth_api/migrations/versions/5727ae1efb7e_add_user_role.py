"""add user role

Revision ID: 5727ae1efb7e
Revises: 27e5cb410df8
Create Date: 2026-09-07 16:22:09.331875
"""

import sqlalchemy as sa
from alembic import op

revision = "5727ae1efb7e"
down_revision = "27e5cb410df8"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("role", sa.String(length=32), server_default="viewer", nullable=False))
    op.create_foreign_key(op.f("fk_users_role_roles"), "users", "roles", ["role"], ["name"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_users_role_roles"), "users", type_="foreignkey")
    op.drop_column("users", "role")
