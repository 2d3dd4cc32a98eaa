"""index users role

Revision ID: f1e5115d21b8
Revises: 5727ae1efb7e
Create Date: 2026-09-21 11:58:27.614093
"""

from alembic import op

revision = "f1e5115d21b8"
down_revision = "5727ae1efb7e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_users_role"), "users", ["role"])


def downgrade() -> None:
    op.drop_index(op.f("ix_users_role"), table_name="users")
