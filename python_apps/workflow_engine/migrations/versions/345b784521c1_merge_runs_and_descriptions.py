"""merge runs and descriptions

Revision ID: 345b784521c1
Revises: 9e6af0fec85d, 591153216007
Create Date: 2026-08-14 15:41:58.273914
"""

revision = "345b784521c1"
down_revision = ("9e6af0fec85d", "591153216007")
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
