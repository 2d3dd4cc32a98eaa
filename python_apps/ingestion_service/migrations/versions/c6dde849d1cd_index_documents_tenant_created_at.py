"""index documents tenant created at

Revision ID: c6dde849d1cd
Revises: ef62c4497bab
Create Date: 2026-09-28 10:17:54.203318
"""

from alembic import op

revision = "c6dde849d1cd"
down_revision = "ef62c4497bab"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_documents_tenant_created_at"), "documents", ["tenant", "created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_documents_tenant_created_at"), table_name="documents")
