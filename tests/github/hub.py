"""Stands in for `gh`: answers the part of GitHub's API that the workflows use, out of a bare repository.

`hub.py FOLDER WORDS…`: FOLDER holds `repo.git`, `pulls.json`, `reviews.json`, and records `statuses.jsonl` and `calls`.
A file `race` is run by bash before the next commit is made, as somebody else's push at the same moment.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class RefusedError(Exception):
    """An answer of 4xx."""


class Hub:
    """One repository on GitHub."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repository = folder, folder / "repo.git"

    def git(self, *words: str, code: int = 0, **variables: str) -> str:
        """Run git in the bare repository."""
        identity = {
            f"GIT_{who}_{what}": "hub@example.com"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", "--git-dir", str(self.repository), *words],
            env={"PATH": os.environ["PATH"], **identity, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != code:
            raise RefusedError(f"git {' '.join(words)}: {done.stderr}{done.stdout}")
        return done.stdout.strip()

    @property
    def pulls(self) -> list[dict[str, Any]]:
        """All pull requests."""
        path = self.folder / "pulls.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    @pulls.setter
    def pulls(self, pulls: list[dict[str, Any]]) -> None:
        (self.folder / "pulls.json").write_text(json.dumps(pulls), encoding="utf-8")

    def tip(self, branch: str) -> str:
        """Return the commit of a branch."""
        return self.git("rev-parse", "--verify", f"refs/heads/{branch}")

    def answer(self, method: str, path: str, fields: dict[str, str]) -> Any:
        """Answer one request to a path below the repository."""
        part, _, rest = path.partition("/")
        if (method, part) == ("GET", "commits"):
            return {"sha": self.tip(rest)}
        if (method, part) == ("GET", "contents"):
            name, _, ref = rest.partition("?ref=")
            return {"sha": self.git("rev-parse", "--verify", f"{ref}:{name}")}
        if (method, part) == ("POST", "merges"):
            return self.merge(**fields)
        if (method, part) == ("POST", "statuses"):
            return self.status(rest, fields)
        if (method, part) == ("GET", "pulls") and rest.endswith("/reviews"):
            return json.loads((self.folder / "reviews.json").read_text(encoding="utf-8"))
        if part == "pulls":
            return self.pull(method, rest, fields)
        kind, _, ref = rest.partition("/")
        if (method, path) == ("POST", "git/refs"):
            return self.git("update-ref", fields["ref"], fields["sha"], "")
        if (method, part, kind) == ("GET", "git", "ref"):
            return {"object": {"sha": self.tip(ref.removeprefix("heads/"))}}
        if (method, part, kind) == ("DELETE", "git", "refs"):
            return self.git("update-ref", "-d", f"refs/{ref}")
        raise RefusedError(f"{method} {path} is unknown here")

    def merge(self, base: str, head: str, commit_message: str) -> None:
        """Merge the commit `head` into the branch `base`, always by a commit of its own."""
        tip = self.tip(base)
        if self.git("merge-base", tip, head) == head:
            return
        tree = self.git("merge-tree", "--write-tree", tip, head)
        commit = self.git("commit-tree", tree, "-p", tip, "-p", head, "-m", commit_message)
        self.git("update-ref", f"refs/heads/{base}", commit, tip)

    def status(self, commit: str, fields: dict[str, str]) -> None:
        """Set a status of a commit that is there."""
        self.git("cat-file", "-e", f"{commit}^{{commit}}")
        with (self.folder / "statuses.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"commit": commit, **fields}) + "\n")

    def pull(self, method: str, number: str, fields: dict[str, str]) -> dict[str, Any]:
        """Open or edit a pull request."""
        pulls = self.pulls
        if method == "POST":
            pulls.append({"number": len(pulls) + 1, "state": "open", "isCrossRepository": False, **fields})
            self.pulls = pulls
            return pulls[-1]
        (found,) = [pull for pull in pulls if str(pull["number"]) == number]
        found.update(fields)
        self.pulls = pulls
        return found

    def commit(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run the mutation createCommitOnBranch."""
        race = self.folder / "race"
        if race.exists():
            script = race.read_text(encoding="utf-8")
            race.unlink()
            subprocess.run(["bash", "-euc", script], cwd=self.folder, check=True)
        assert "createCommitOnBranch" in request["query"]
        given = request["variables"]["input"]
        branch, head = given["branch"]["branchName"], given["expectedHeadOid"]
        if self.tip(branch) != head:
            raise RefusedError("expected branch to point to another commit")
        index = {"GIT_INDEX_FILE": str(self.folder / "index")}
        self.git("read-tree", head, **index)
        for file in given["fileChanges"]["additions"]:
            blob = self.folder / "blob"
            blob.write_bytes(base64.b64decode(file["contents"]))
            oid = self.git("hash-object", "-w", str(blob))
            self.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{file['path']}", **index)
        message = f"{given['message']['headline']}\n\n{given['message']['body']}"
        made = self.git("commit-tree", self.git("write-tree", **index), "-p", head, "-m", message)
        self.git("update-ref", f"refs/heads/{branch}", made, head)
        return {"data": {"createCommitOnBranch": {"commit": {"oid": made}}}}


def main(folder: Path, words: list[str]) -> int:
    """Answer one call of `gh`."""
    with (folder / "calls").open("a", encoding="utf-8") as record:
        record.write(" ".join(words) + "\n")
    hub, options, paths, fields = Hub(folder), {}, [], {}
    rest = iter(words[1:])
    for word in rest:
        if word in ("--silent", "--paginate"):
            options[word] = ""
        elif word in ("--raw-field", "--field"):
            key, _, value = next(rest).partition("=")
            from_file = word == "--field" and value.startswith("@")
            fields[key] = Path(value[1:]).read_text(encoding="utf-8") if from_file else value
        elif word.startswith("--"):
            options[word] = next(rest)
        else:
            paths.append(word)
    try:
        if words[0] == "pr":
            assert paths == ["list"]
            answer: Any = [
                pull
                for pull in hub.pulls
                if (pull["head"], pull["base"], pull["state"])
                == (options["--head"], options["--base"], options["--state"])
            ]
        elif paths == ["graphql"]:
            answer = hub.commit(json.loads(Path(options["--input"]).read_text(encoding="utf-8")))
        else:
            prefix = "repos/iopexses/elevaite/"
            assert paths[0].startswith(prefix), paths
            answer = hub.answer(options.get("--method", "GET"), paths[0].removeprefix(prefix), fields)
    except RefusedError as error:
        print(json.dumps({"message": str(error)}))
        print(f"gh: {error}", file=sys.stderr)
        return 1
    if "--silent" not in options:
        query = options.get("--jq", ".")
        done = subprocess.run(["jq", "--raw-output", query], input=json.dumps(answer), text=True, check=False)
        return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
