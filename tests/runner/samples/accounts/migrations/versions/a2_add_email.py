"""add email"""

import sqlalchemy as sa
from alembic import op

revision: str = "a2"
down_revision: str | None = "a1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("email", sa.Text))


def downgrade() -> None:
    raise NotImplementedError
