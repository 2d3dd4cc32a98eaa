"""merge display name and roles

Revision ID: 69457100ae05
Revises: 33f92c6edfbc, 71b1183ca93b
Create Date: 2026-08-20 08:47:13.005641
"""

revision = "69457100ae05"
down_revision = ("33f92c6edfbc", "71b1183ca93b")
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
