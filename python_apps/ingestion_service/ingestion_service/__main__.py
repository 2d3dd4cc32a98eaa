"""Turns `python -m ingestion_service [--reload]` into a running server."""

import argparse
import sys
from pathlib import Path

import uvicorn

from ingestion_service.settings import SettingsError, load_settings


def main() -> int:
    """Serves until stopped; 2 if a variable is missing or wrong."""
    parser = argparse.ArgumentParser(prog="python -m ingestion_service")
    parser.add_argument("--reload", action="store_true", help="restart when a source file changes")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"ingestion-service: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        "ingestion_service.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        reload=arguments.reload,
        reload_dirs=[str(Path(__file__).parent)] if arguments.reload else None,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
