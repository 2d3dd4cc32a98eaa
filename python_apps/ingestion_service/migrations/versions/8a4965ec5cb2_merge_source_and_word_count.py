"""merge source and word count

Revision ID: 8a4965ec5cb2
Revises: 0f0795e71597, 1cf31a5504e8
Create Date: 2026-08-21 09:05:48.146735
"""

revision = "8a4965ec5cb2"
down_revision = ("0f0795e71597", "1cf31a5504e8")
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
