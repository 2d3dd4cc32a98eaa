"""The workflows in `.github/workflows/`."""
