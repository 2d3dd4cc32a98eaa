"""Every payload in every text field: refused with a diagnostic, or what each real reader finds in the outputs."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from compiler.emit import chart, runner
from localdev import dotenv
from tests.injection.downstream import commands, shown, started, unfolded
from tests.injection.fields import TextField, text_fields
from tests.injection.payloads import UNSEEN, payloads
from tests.injection.project import Spot, Texts, compile_texts, lines_of, refusals
from tests.injection.readers import Readers, yaml_1_1, yaml_1_2
from tests.injection.rounds import REFERENCES, Round, accepted, all_at_once, one_after_the_other, together

FIELDS = text_fields()
DIGEST = re.compile(r"""\{\{ index \.Values\.images "([a-z0-9-]+)" \}\}""")
H2 = "{{ .Values.migrations.digest }}"
# The other charts differ from these in names only.
CHARTS = r"out/(?!staging-eu|staging-in)[^/]+/chart"
HASH = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{8})\b")


@pytest.fixture(scope="module")
def texts(trip: Path) -> list[str]:
    return payloads(str(trip))


@pytest.fixture(scope="module")
def rounds(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Round]:
    """Compile every payload that a field takes, many in one project, and the harmless twin of each project."""
    folder = tmp_path_factory.mktemp("rounds")
    assert refusals(Texts().write(folder / "try")) == []
    with pytest.MonkeyPatch.context() as patch:
        # The runner is no text of the user's, and most of what there would be to read.
        for module in (chart, runner):
            patch.setattr(module, "runner_sources", lambda **_: (("__init__.py", '"""Nothing."""\n'),))
        lists = one_after_the_other(FIELDS, texts)
        made = [
            all_at_once(FIELDS, texts),
            *(one for pairs in lists for one in _agreeing(pairs, folder / "try")),
        ]
        for number, one in enumerate(made):
            one.given = compile_texts(one.texts.write(folder / str(number)))
            one.harmless = compile_texts(one.twin.write(folder / f"{number}-twin"))
    return made


def _agreeing(pairs: list[tuple[TextField, str]], folder: Path) -> Iterator[Round]:
    """Put texts together; those that are refused beside the others are tried once more without them."""
    made = together(pairs)
    found = {(fault.place.file, fault.place.line) for fault in refusals(made.texts.write(folder))}
    if not found:
        yield made
    elif len(pairs) > 1:
        places = lines_of(folder, made.spots)
        out = {one for spot, one in made.spots.items() if places[spot] in found}
        out = out if 0 < len(out) < len(pairs) else {one for one, _ in pairs[::2]}
        for part in ([pair for pair in pairs if (pair[0] in out) is refused] for refused in (False, True)):
            yield from _agreeing(part, folder)


def test_a_text_that_a_field_does_not_take_is_refused_where_it_stands(
    texts: list[str], tmp_path: Path
) -> None:
    """What refers to a name takes nothing but a name that there is."""
    base, count = Texts(), 0
    spots = {one: base.spot(one) for one in FIELDS}
    assert {str(one) for one in FIELDS} >= REFERENCES
    for text in (*texts, *UNSEEN):
        wrong = [
            one for one in FIELDS if text in UNSEEN or str(one) in REFERENCES or not accepted(one, [text])
        ]
        found = _refused(base, {one: spots[one] for one in wrong}, text, tmp_path)
        # Beside other mistakes a rule over several values may have to stay silent.
        alone = [one for one in wrong if one not in found]
        assert [one for one in alone if not _refused(base, {one: spots[one]}, text, tmp_path)] == [], text
        count += len(wrong)
    print(f"\n{len(FIELDS)} fields, {len(texts) + len(UNSEEN)} texts: {count} pairs refused")


def _refused(base: Texts, spots: Mapping[TextField, Spot], text: str, folder: Path) -> set[TextField]:
    """Write `text` at all `spots`; returns the fields at whose lines something is found wrong."""
    texts, now = base.copy(), {}
    for one, spot in sorted(spots.items(), key=lambda item: item[1].is_key):
        texts.set(spot, text)
        now[one] = spot.holding(text)
    texts.write(folder)
    lines = {(fault.place.file, fault.place.line) for fault in refusals(folder)}
    return {
        one for one, place in zip(now, lines_of(folder, now.values()).values(), strict=True) if place in lines
    }


def test_every_text_that_is_taken_is_compiled(rounds: list[Round], texts: list[str]) -> None:
    compiled = {(str(one), text) for made in rounds for one, text in made.pairs}
    packed = {name: " ".join(text for one, text in compiled if one == name) for name, _ in compiled}
    for one in FIELDS:
        if str(one) not in REFERENCES:
            for text in accepted(one, texts):
                assert (str(one), text) in compiled or text in packed[str(one)], (one, text)
    print(f"\n{len(compiled)} texts compiled in {len(rounds)} projects")
    assert len(compiled) > 1000


def _pairs(made: Round, pattern: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, text and the harmless twin's text of every output whose path is of the `pattern`."""
    twins = {made.exchanged(path): text for path, text in made.harmless.items()}
    assert twins.keys() == made.given.keys()
    for path, text in made.given.items():
        if re.fullmatch(pattern, path):
            yield path, text, twins[path]


def _plain(data: Any) -> Any:
    """Return data without the hashes of what is inside."""
    if isinstance(data, dict):
        return {_plain(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(item) for item in data]
    return HASH.sub("<hash>", data) if isinstance(data, str) else data


def _different(one: Any, other: Any, at: str = "") -> list[str]:
    """Return the places at which two data differ, with what each holds there."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [line for key in one for line in _different(one[key], other[key], f"{at}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for n, pair in enumerate(zip(one, other, strict=True))
            for line in _different(*pair, f"{at}.{n}")
        ]
    return [] if one == other and type(one) is type(other) else [f"{at}: {one!r} != {other!r}"]


def test_readers_of_yaml_hold_the_same(rounds: list[Round], readers: Readers) -> None:
    texts: dict[str, str] = {}
    for made in rounds:
        for path, text, _ in _pairs(made, r".*\.ya?ml"):
            texts.setdefault(text, path)
    named = {f"{number}:{path}": text for number, (text, path) in enumerate(texts.items())}
    by_node = readers.node("yaml", named)
    # ruamel takes a second for what the others read in a hundredth of it.
    slow = {text for made in rounds[:2] for _, text, _ in _pairs(made, r".*\.ya?ml")}
    for name, text in named.items():
        held = yaml_1_1(text)
        assert _different(by_node[name], {"yaml": held, "js-yaml": held}) == [], name
        if text in slow:
            assert _different(yaml_1_2(text), held) == [], name
    print(f"\n{len(named)} files by PyYAML, yaml and js-yaml, {len(slow)} of them by ruamel")


def test_what_argo_cd_reads_holds_every_text(rounds: list[Round]) -> None:
    for made in rounds:
        for path, text, twin in _pairs(made, r"out/[^/]+/(argocd/.*|chart/(Chart|values|images)\.yaml)"):
            assert _different(_plain(yaml_1_1(text)), _plain(made.exchanged(yaml_1_1(twin)))) == [], path


def test_helm_and_the_kubelet_give_every_text_back(
    rounds: list[Round], readers: Readers, tmp_path: Path
) -> None:
    charts: dict[str, Path] = {}
    compared = 0
    for made in rounds:
        for path, _, _ in _pairs(made, CHARTS + r"/Chart\.yaml"):
            folder = path.removesuffix("/Chart.yaml")
            files = {name: text for name, text, _ in _pairs(made, re.escape(folder) + "/.*")}
            twins = {name: twin for name, _, twin in _pairs(made, re.escape(folder) + "/.*")}
            key = json.dumps(files)
            if key in charts:
                continue
            charts[key] = tmp_path / str(len(charts))
            _lay(charts[key], folder, files)
            wanted = _plain(made.exchanged(_by_name(_templates(folder, twins))))
            # Nothing but the actions that stand in the templates is taken for one.
            assert _different(_plain(_by_name(_templates(folder, files))), wanted) == [], folder
            compared += 1
    rendered = readers.helm_all([folder / "chart" for folder in charts.values()])
    for key, text in zip(charts, rendered, strict=True):
        files = json.loads(key)
        folder = next(iter(files)).rpartition("/chart/")[0] + "/chart"
        values = json.loads((charts[key] / "values.json").read_text("utf-8"))
        assert _by_name(yaml_1_1(text)) == _by_name(_with_values(_templates(folder, files), values)), folder
    print(f"\n{compared} charts by helm")


def _lay(folder: Path, prefix: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / "chart" / name.removeprefix(prefix + "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    pinned = files.get(f"{prefix}/images.yaml")
    names = json.loads(files[f"{prefix}/values.schema.json"])["properties"]["images"]["required"]
    values = yaml_1_1(pinned)[0] if pinned else {"images": dict.fromkeys(names, f"sha256:{'5' * 64}")}
    (folder / "values.json").write_text(json.dumps(values), "utf-8")


def _templates(folder: str, files: Mapping[str, str]) -> list[Any]:
    return [
        document
        for name, text in files.items()
        if name.startswith(f"{folder}/templates/")
        for document in yaml_1_1(text)
    ]


def _with_values(data: Any, values: Any) -> Any:
    """Return documents with our two actions carried out, and no other."""
    if isinstance(data, dict):
        return {key: _with_values(value, values) for key, value in data.items()}
    if isinstance(data, list):
        return [_with_values(item, values) for item in data]
    if not isinstance(data, str):
        return data
    text = DIGEST.sub(lambda match: values["images"][match[1]], data)
    return text.replace(H2, values["migrations"]["digest"]) if H2 in text else text


def _by_name(documents: Iterable[Any]) -> dict[str, Any]:
    return {f"{one['kind']} {one['metadata']['name']}": started(unfolded(one)) for one in documents}


def test_compose_gives_every_text_back(rounds: list[Round], readers: Readers, tmp_path: Path) -> None:
    found: dict[str, tuple[Round, str]] = {}
    for made in rounds:
        for _, text, twin in _pairs(made, r"out/[^/]+/compose\.yaml"):
            found.setdefault(text, (made, twin))
    files = _written([text for given, (_, twin) in found.items() for text in (given, twin)], tmp_path)
    held = readers.compose(files, {"POSTGRES_PASSWORD": "secret"})
    for (made, _), given, twin in zip(found.values(), held[::2], held[1::2], strict=True):
        assert _different(_plain(given), _plain(made.exchanged(twin))) == []
    print(f"\n{len(found)} files by the loader of Compose")


def _written(texts: Iterable[str], folder: Path) -> list[Path]:
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"{number}.txt")
        files[-1].write_text(text, "utf-8")
    return files


def test_node_gives_every_text_of_json_back(rounds: list[Round], readers: Readers) -> None:
    texts = {
        f"{number}:{side}:{path}": text
        for number, made in enumerate(rounds)
        for path, *both in _pairs(made, r".*\.json")
        for side, text in enumerate(both)
    }
    held = readers.node("json", texts)
    for name, text in texts.items():
        assert held[name] == json.loads(text)
        number, side, path = name.split(":", 2)
        if side == "0":
            twin = held[f"{number}:1:{path}"]
            assert _different(_plain(held[name]), _plain(rounds[int(number)].exchanged(twin))) == [], name
    print(f"\n{len(texts) // 2} files by node")


def test_a_shell_gives_the_words_of_every_script_back(
    rounds: list[Round], texts: list[str], tmp_path: Path
) -> None:
    """As npm does it: the script is one argument of `sh -c`."""
    scripts: dict[str, list[str]] = {}
    for made in rounds:
        for _, text, twin in _pairs(made, r"package\.json"):
            harmless = json.loads(twin)["scripts"]
            for name, script in json.loads(text)["scripts"].items():
                before = next(word for key, word in harmless.items() if made.exchanged(key) == name)
                scripts[script] = shlex.split(made.exchanged(before))
    stand_in = tmp_path / "stand-in"
    stand_in.write_text('#!/bin/sh\nprintf \'%s\\0\' "$0" "$@"\n', "utf-8")
    stand_in.chmod(0o755)
    ran = 0
    for script, words in scripts.items():
        assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0, script
        program = words[0]
        if program.startswith(("/", "..")):
            continue
        path = tmp_path / ("" if "/" in program else "bin") / program
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.hardlink_to(stand_in)
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": "/root"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (script, done.stderr)
        assert done.stdout, script
        found = done.stdout.split("\0")[:-1]
        assert [Path(found[0]).name, *found[1:]] == [Path(words[0]).name, *words[1:]], script
        ran += 1
    print(f"\n{len(scripts)} scripts by bash, {ran} of them run by sh")


def test_readers_of_env_files_hold_every_text(rounds: list[Round], readers: Readers, tmp_path: Path) -> None:
    pairs = [(made, *both) for made in rounds for _, *both in _pairs(made, r"\.env\.example")]
    texts = list(dict.fromkeys(text for _, *both in pairs for text in both))
    files = _written(texts, tmp_path)
    by_dotenv = readers.node("dotenv", dict(zip(texts, texts, strict=True)))
    by_compose = readers.compose_env(files)
    held: dict[str, dict[str, str]] = {}
    for text, path, composed in zip(texts, files, by_compose, strict=True):
        held[text] = dotenv.read(path).values()
        assert held[text] == composed == by_dotenv[text] == readers.bash_env(path) == readers.node_env(path)
    for made, text, twin in pairs:
        assert held[text] == made.exchanged(held[twin])
    print(f"\n{len(held)} files by bash, node, dotenv, Compose and gen dev")


def test_a_page_shows_every_text(rounds: list[Round]) -> None:
    done: set[str] = set()
    for made in rounds:
        for path, text, twin in _pairs(made, r".*\.md"):
            done.add(text)
            assert _page(text) == made.exchanged(_page(twin)), path
    print(f"\n{len(done)} pages by GitHub's cmark")


def _page(text: str) -> list[Any]:
    return shown(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE))


def test_github_gives_every_text_back(rounds: list[Round], readers: Readers, tmp_path: Path) -> None:
    """No expression holds a text of the user's, no script an expression, and bash reads every word of a script."""
    pairs = [(made, path, *both) for made in rounds for path, *both in _pairs(made, r"\.github/workflows/.*")]
    texts = {
        text: f"{path} {number} {side}"
        for number, (_, path, *both) in enumerate(pairs)
        for side, text in enumerate(both)
    }
    held = readers.node("workflow", {name: text for text, name in texts.items()})
    assert {name: found["errors"] for name, found in held.items() if found["errors"]} == {}
    lines: list[tuple[Round, str, str]] = []
    scripts: set[str] = set()
    for made, path, *both in pairs:
        given, twin = (held[texts[text]]["value"] for text in both)
        wanted = made.exchanged(_without_scripts(twin))
        assert _different(_plain(_without_scripts(given)), _plain(wanted)) == [], path
        assert not [text for text in _expressions(twin) if "canary" in text], path
        for (_, script), (_, harmless) in zip(_steps(given), _steps(twin), strict=True):
            assert "${{" not in script, path
            scripts.add(script)
            for line, other in zip(script.split("\n"), harmless.split("\n"), strict=True):
                if "canary" in other:
                    lines.append((made, line, other))
                else:
                    assert line == made.exchanged(other), path
    words = _words([line for _, *both in lines for line in both], tmp_path)
    for made, line, other in lines:
        assert words[line] == made.exchanged(words[other])
    files = _written(sorted(scripts), tmp_path)
    check = 'for script; do bash -n -- "$script" || exit; done'
    done = subprocess.run(
        ["bash", "-c", check, "x", *map(str, files)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    print(
        f"\n{len(held)} workflows by GitHub's parser, {len(files)} scripts and {len(words)} commands by bash"
    )


def _steps(data: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every step that runs a script, and the script."""
    for job in data["jobs"].values():
        for step in job.get("steps", ()):
            if "run" in step:
                assert isinstance(step["run"], str), step
                yield step, step["run"]


def _without_scripts(data: Any) -> Any:
    """Return a workflow without its scripts, and with lines of JSON read."""
    if isinstance(data, dict):
        return {key: "" if key == "run" else _without_scripts(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_without_scripts(item) for item in data]
    if isinstance(data, str) and data.startswith('{"name"'):
        return [json.loads(line) for line in data.splitlines()]
    return data


def _expressions(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        if data.keys() == {"expression"}:
            yield data["expression"]
        for value in data.values():
            yield from _expressions(value)
    elif isinstance(data, list):
        for item in data:
            yield from _expressions(item)


def _words(lines: list[str], folder: Path) -> dict[str, list[str]]:
    """Return the words that bash reads in each line, a command and its arguments; nothing of it is started."""
    once = list(dict.fromkeys(lines))
    program = "".join(f"printf '%s\\0' {line.strip()}\nprintf '\\1\\0'\n" for line in once)
    (folder / "lines.sh").write_text(program, "utf-8")
    done = subprocess.run(
        ["bash", "-eu", "lines.sh"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    found = done.stdout.decode().split("\1\0")[:-1]
    return {line: text.split("\0")[:-1] for line, text in zip(once, found, strict=True)}


def test_a_smoke_test_prints_its_name_and_the_runner_obeys_none(
    rounds: list[Round], readers: Readers, tmp_path: Path
) -> None:
    """The step is run with stand-ins for curl and kubectl; what it prints is read as GitHub's runner reads it."""
    made = rounds[0]
    path, text, _ = next(_pairs(made, r"\.github/workflows/.*-deploy-production-eu\.yml"))
    held = readers.node("workflow", {path: text})[path]["value"]
    step, script = next(found for found in _steps(held) if "TESTS" in found[0].get("env", {}))
    tests = step["env"]["TESTS"].splitlines()
    names = [json.loads(test)["name"] for test in tests]
    assert set(names) >= {name for one, name in made.pairs if str(one) == "smoke_tests.@.name"}
    chosen = [
        (name, test)
        for name, test in zip(names, tests, strict=True)
        if re.search(r"::|##\[|[$`\\]|^ | $", name)
    ]
    good = _smoke(script, [test for _, test in chosen], 204, tmp_path)
    assert good.returncode == 0, good.stderr
    assert [name for name, _ in chosen if name not in good.stdout] == []
    obeyed = list(commands(good.stdout + good.stderr))
    assert any("::" in name or "##[" in name for name, _ in chosen)
    for name, test in chosen:
        if "::" in name or "##[" in name:
            bad = _smoke(script, [test], 500, tmp_path)
            assert bad.returncode == 1
            assert name in bad.stderr
            obeyed += commands(bad.stdout + bad.stderr)
    assert obeyed == []


def _smoke(script: str, tests: list[str], code: int, folder: Path) -> subprocess.CompletedProcess[str]:
    for name, body in {"kubectl": "exec /bin/sleep 5", "curl": f"printf {code}", "sleep": "true"}.items():
        stand_in = folder / "bin" / name
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
        stand_in.chmod(0o755)
    variables = {
        "NAMESPACE": "x",
        "RUNNER_TEMP": str(folder),
        "TESTS": "".join(f"{test}\n" for test in tests),
    }
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "LANG": "C.UTF-8", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
