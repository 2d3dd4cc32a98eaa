"""What is wrong with a file on disk into the diagnostic that says so."""

from __future__ import annotations

import errno
import os
import stat

from compiler.diagnostics.model import Diagnostic, Place, Severity


def whole(path: str) -> Place:
    """The file `path` as a whole."""
    return Place(path, 0, 0)


def reason(error: OSError) -> str:
    """The text and the name of an operating system error: `No space left on device (ENOSPC)`."""
    number = error.errno or 0
    return f"{os.strerror(number)} ({errno.errorcode.get(number, number)})"


def cannot_read(path: str, error: OSError) -> Diagnostic:
    """The system refuses to let us read `path`."""
    return Diagnostic(
        "cannot-read",
        f"cannot read {path}: {reason(error)}",
        whole(path),
        help="nothing was written; make the file readable for you",
    )


def cannot_write(path: str, error: OSError, state: str = "nothing was changed") -> Diagnostic:
    """The system refuses to let us write `path`; `state` says what the tree is like now."""
    return Diagnostic(
        "cannot-write",
        f"cannot write {path}: {reason(error)}",
        whole(path),
        help=f"{state}; clear the cause and run `gen` again",
    )


def symlink(path: str) -> Diagnostic:
    """A symbolic link lies where a file or a folder of ours belongs."""
    return Diagnostic(
        "symlink",
        f"{path} is a symbolic link; `gen` writes only through real folders and files",
        whole(path),
        help="remove the link, or move what it points to here",
    )


def hard_link(path: str) -> Diagnostic:
    """The file has a second name elsewhere, so writing it would say something about that one too."""
    return Diagnostic(
        "hard-link",
        f"{path} is a hard link: the same file has another name elsewhere",
        whole(path),
        help=f"make it a file of its own: `cp {path} {path}.copy && mv {path}.copy {path}`",
    )


def not_a_file(path: str, mode: int, wanted: str) -> Diagnostic:
    """Something else lies where a `wanted` ("file" or "folder") belongs."""
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISREG, "a file"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    )
    found = next((name for test, name in kinds if test(mode)), "a device")
    return Diagnostic(
        "not-a-file",
        f"{path} is {found}; a {wanted} of `gen` belongs there",
        whole(path),
        help="move it away",
    )


def foreign_file(path: str) -> Diagnostic:
    """A file that we did not write lies where an output belongs."""
    return Diagnostic(
        "foreign-file",
        f"{path} was not written by `gen`, but an output belongs there",
        whole(path),
        help=f"move it away, or let `gen` replace it (a copy is kept in .gen/saved/): `gen --take {path}`",
    )


def unknown_file(path: str) -> Diagnostic:
    """Something in `out/` that is no output; it is left alone."""
    return Diagnostic(
        "unknown-file",
        f"{path} is not an output of `gen`; it is left alone",
        whole(path),
        help="`out/` is for generated files: move it elsewhere",
        severity=Severity.WARNING,
    )


def foreign_in_chart(path: str) -> Diagnostic:
    """Something of the user's in a folder that Helm or Argo CD reads as a whole: it would be deployed, or override."""
    return Diagnostic(
        "foreign-in-chart",
        f"{path} is not an output of `gen`, and whoever deploys this folder reads every file in it",
        whole(path),
        help="move it elsewhere: a file here is deployed too, and `.argocd-source.yaml` overrides the digests",
    )


def orphan_in_chart(path: str, why: str) -> Diagnostic:
    """A file that is no output any more, and may not be removed, lies where it would be deployed all the same."""
    return Diagnostic(
        "foreign-in-chart",
        f"{path} is no longer an output, and would be deployed all the same; it is kept, since {why}",
        whole(path),
        help="delete it, or move it elsewhere",
    )


def orphan_kept(path: str, why: str) -> Diagnostic:
    """A file is no output any more, but `why` forbids to remove it."""
    return Diagnostic(
        "orphan-kept",
        f"{path} is no longer an output; it is kept, since {why}",
        whole(path),
        help="delete it, or move it out of the way",
        severity=Severity.WARNING,
    )


def changed_meanwhile(path: str) -> Diagnostic:
    """Somebody else wrote `path` between our look at it and our turn to write."""
    return Diagnostic(
        "changed-meanwhile",
        f"{path} was changed while `gen` ran; nothing was written",
        whole(path),
        help="run `gen` again",
    )
