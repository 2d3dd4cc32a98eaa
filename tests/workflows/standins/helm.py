"""Stands in for helm's two commands that reach a cluster; what is rendered, the real helm renders."""

import itertools
import sys
from pathlib import Path

from cluster import apply, connected, record


def main(words: list[str]) -> int:
    """Answer one call."""
    record("helm", words)
    connected()
    if words[0] == "list":
        print("[]")
        return 0
    assert words[:2] == ["upgrade", "--install"], words
    release, chart, *rest = words[2:]
    options = dict(itertools.pairwise(rest))
    if apply(release, Path(chart), options["--namespace"], "--values", options["--values"]):
        print(f'Release "{release}" has been upgraded. Happy Helming!')
        return 0
    print("Error: UPGRADE FAILED: pre-upgrade hooks failed: job elevaite-migrations failed", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
