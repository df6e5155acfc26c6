"""Label schemes, and the files that ship with the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from k2c_gui.core.model import K2CError, Label
from k2c_gui.io import mapping, resources

ONE = '[[label]]\nname = "Speck"\nvalue = 3\nuse = true\n'


@pytest.fixture
def scheme(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "labels.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_key2cat_has_four() -> None:
    assert [(label.value, label.name, label.use) for label in resources.labels()] == [
        (0, "Nanoparticle", True),
        (1, "Cluster", True),
        (2, "Artifact", False),
        (3, "Nothing/Something else", False),
    ]
    styles = resources.label_styles()
    for look in ("colour", "key", "symbol"):
        assert len({getattr(style, look) for style in styles}) == 4, f"{look} tells them apart"


def test_the_sample_mapping_fits_the_labels() -> None:
    found = mapping.load(resources.resource("mapping.toml"), resources.labels())
    assert found.picking.micrograph
    assert set(found.classifying.answers.values()) == {0, 1, 2, 3}


def test_another_project_brings_its_own(scheme) -> None:
    path = scheme(ONE + '[[label]]\nname = "Pd"\nvalue = 1\nuse = false\nanswers = ["Palladium"]\n')
    assert resources.labels(path) == (
        Label(1, "Pd", False, ("Palladium",)),
        Label(3, "Speck", True),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no label scheme"),
        ("label = []", "0 to 32767"),
        ("[[label]", "no label scheme"),
        (ONE + 'size = "big"\n', "size"),
        (ONE.replace("3", "-1"), "0 to 32767"),
        (ONE.replace("3", "32768"), "0 to 32767"),
        (ONE.replace("3", "1.5"), "no label scheme"),
        (ONE.replace("true", '"yes"'), "no label scheme"),
        (ONE + ONE.replace("3", "4"), "same name"),
        (ONE + ONE.replace("Speck", "Spot"), "same value"),
        ('[[label]]\nname = "Kör'.encode("latin-1"), "no label scheme"),
    ],
)
def test_a_scheme_that_is_none(scheme, text: str, why: str) -> None:
    with pytest.raises(K2CError, match=f"labels.toml: .*{why}"):
        resources.labels(scheme(text))


def test_reasons_are_told_apart() -> None:
    found = resources.reasons()
    assert {"touching", "focus", "overlap", "edge", "contamination"} <= {r.code for r in found}
    for name in ("code", "text", "key"):
        assert len({getattr(reason, name) for reason in found}) == len(found), name
    assert "moved" not in {reason.code for reason in found}, "the program gives it itself"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[reason]]\ncode = 1\ntext = ''", "no list of reasons"),
        ("[[reason]]\ncode = 'a'\ntext = ''\n" * 2, "same code"),
    ],
)
def test_reasons_that_are_none(scheme, text: str, why: str) -> None:
    with pytest.raises(K2CError, match=why):
        resources.reasons(scheme(text))


def test_a_missing_scheme(tmp_path: Path) -> None:
    with pytest.raises(K2CError, match="cannot be read"):
        resources.labels(tmp_path / "no.toml")
