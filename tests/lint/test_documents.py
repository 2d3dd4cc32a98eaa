"""A line and a column of what a reader sees lead back to the line and the column of the output."""

from __future__ import annotations

import pytest

from genlint.documents import emitted, match_rendered, split
from genlint.finding import Extent
from genlint.yamlplace import locate

TEMPLATE = """\
# A head that is no document.
---

kind: A
image: 'x@{{ .Values.digest }}' # then
---
# Of the second.
kind: B
name: "{{ .Values.a }}-{{ .Values.b }}-end"
"""


def test_documents_are_split_where_helm_splits_them() -> None:
    assert list(split(TEMPLATE)) == [
        (4, "kind: A\nimage: 'x@{{ .Values.digest }}' # then"),
        (7, '# Of the second.\nkind: B\nname: "{{ .Values.a }}-{{ .Values.b }}-end"'),
    ]


@pytest.mark.parametrize(
    ("rendered", "line", "column", "expected"),
    [
        ("kind: A\nimage: 'x@sha256:abc' # then", 1, 7, (4, 7)),
        ("kind: A\nimage: 'x@sha256:abc' # then", 2, 1, (5, 1)),
        ("kind: A\nimage: 'x@sha256:abc' # then", 2, 11, (5, 11)),
        ("kind: A\nimage: 'x@sha256:abc' # then", 2, 14, (5, 11)),
        ("kind: A\nimage: 'x@sha256:abc' # then", 2, 21, (5, 31)),
        ("kind: A\nimage: 'x@sha256:abc' # then", 2, 23, (5, 33)),
        ('# Of the second.\nkind: B\nname: "1-2-end"', 3, 10, (9, 24)),
        ('# Of the second.\nkind: B\nname: "1-2-end"', 3, 12, (9, 40)),
        ('# Of the second.\nkind: B\nname: "--end"', 3, 9, (9, 39)),
    ],
)
def test_a_rendered_place_leads_back(
    rendered: str, line: int, column: int, expected: tuple[int, int]
) -> None:
    document = match_rendered(rendered, "t.yaml", TEMPLATE)
    assert document is not None
    finding = document.finding(Extent.at(line, column), "tool", "rule", "message")
    assert (finding.path, finding.extent.line, finding.extent.column) == ("t.yaml", *expected)


def test_what_no_template_renders_is_nothing() -> None:
    assert match_rendered("kind: C", "t.yaml", TEMPLATE) is None


def test_an_action_never_spans_a_line() -> None:
    assert match_rendered("kind: A\nimage: 'x@a\nb' # then", "t.yaml", TEMPLATE) is None


def test_a_document_as_a_whole_is_its_lines() -> None:
    (document, _) = emitted("t.yaml", "a: 1\nbc: 2\n---\nd: 3\n")
    extent = document.finding(Extent(), "tool", "rule", "message").extent
    assert extent == Extent(1, 1, 2, 6)


TEXT = """\
services:
  web:
    ports: ["80:80"]
    image: x
  db:
    image: y
"""


@pytest.mark.parametrize(
    ("message", "line", "column"),
    [
        ("services.web.ports is bad", 3, 12),
        ("services[db].image: wrong", 6, 12),
        ("'services[web].ports[0]' wrong", 3, 13),
        ("yaml: line 4: something", 4, 5),
        ("yaml: line 2: line 6: already defined", 6, 5),
        ('service "db" refers to nothing', 5, 3),
        ("Invalid port: 80:80", 3, 13),
        ("services.web.nothing is 'image'", 4, 5),
        ("field head.Services.Web.Image of type string", 4, 12),
        ("nothing that is here", 0, 0),
        ("yaml: line 99: beyond", 0, 0),
    ],
)
def test_a_message_names_its_place(message: str, line: int, column: int) -> None:
    extent = locate(TEXT, message)
    assert (extent.line, extent.column) == (line, column)


def test_a_text_that_is_no_yaml_has_no_place() -> None:
    assert locate("a: [", "services.web") == Extent()
