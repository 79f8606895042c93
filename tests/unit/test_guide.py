"""The guide is true: settings, defaults, links, commands; and its values find what is asked for."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from typer.main import get_command

from app.cli.main import app
from app.paths import guide_folder
from models.domain.app_settings import app_settings_index
from models.domain.config import PRESETS
from models.domain.config_io import settings_index
from models.domain.guide import GROUPS, INDEX, Guide, Page, Place, anchor_of, load_guide
from models.domain.inference import INFERENCE_PRESETS
from models.domain.secrets import SECRETS
from models.qt.datasets_model import FORMAT_WORDS
from models.qt.place_history import PlaceHistory
from models.qt.wording import value_text
from trainer_image.contract import ExitCode
from trainer_image.row_formats import FORMAT_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    import click

GUIDE = load_guide(guide_folder())
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
FACTS = re.compile(r"^`([a-z_.0-9]+)` · default ([^·\n]+?)( · Expert)?$", re.MULTILINE)
ROW = re.compile(r"^\| `([a-z_.0-9]+)` \| ([^|]*) \|", re.MULTILINE)


def _text(name: str) -> str:
    page = GUIDE.page(name)
    assert page is not None, name
    return page.text


def _default(value: object, none_means: str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return none_means if value is None else value_text(value) or "empty"


def _stated() -> dict[str, tuple[str, bool]]:
    found = {name: (default, bool(expert)) for name, default, expert in FACTS.findall(_all())}
    return found | {name: (default, False) for name, default in ROW.findall(_text("targets"))}


def _all() -> str:
    return "\n".join(page.text for page in GUIDE.pages)


@pytest.mark.parametrize("path", settings_index())
def test_every_setting_has_its_place_with_its_default(path: str) -> None:
    info = settings_index()[path]
    place = GUIDE.find(path)
    assert place is not None
    assert place.anchor
    default, is_expert = _stated()[path]
    assert default == _default(info.default, info.rule.none_means)
    assert is_expert == info.rule.expert


def test_the_guide_names_no_setting_that_does_not_exist() -> None:
    known = {path.split(".")[0] for path in settings_index()} - {"local"}
    named = {name for page in GUIDE.pages for name in page.named}
    strangers = {n for n in named if n.split(".")[0] in known and n not in settings_index()}
    assert strangers == {"hp.memory", "dataset.preview"}  # what shows them


@pytest.mark.parametrize("name", app_settings_index())
def test_the_programs_own_settings_have_a_place(name: str) -> None:
    info = app_settings_index()[name]
    assert GUIDE.near(f"settings.{name}") is not None
    stated = dict(re.findall(r"^`settings\.([a-z_]+)` · default (.+)$", _all(), re.MULTILINE))
    if name in stated:
        assert stated[name] == _default(info.default, "")


@pytest.mark.parametrize("name", SECRETS)
def test_tokens_and_keys_have_a_place(name: str) -> None:
    assert GUIDE.find(f"settings.{name}") is not None
    variable = SECRETS[name].variables[0]
    assert name.startswith("s3") or f"`{variable}`" in _text("settings")


@pytest.mark.parametrize("page", GUIDE.pages, ids=lambda page: page.name)
def test_every_link_and_anchor_resolves(page: Page) -> None:
    for is_image, target in LINK.findall(page.text):
        if target.startswith("https://"):
            continue
        if is_image:
            assert (guide_folder() / target).is_file(), target
        else:
            assert GUIDE.follow(target, page.name) is not None, target


def test_the_index_lists_every_page_under_its_title() -> None:
    files = {path.stem for path in guide_folder().glob("*.md")}
    assert {page.name for page in GUIDE.pages} == files
    listed = dict(re.findall(r"\[([^\]]+)\]\(([a-z-]+)\.md\)", _text(INDEX)))
    titles = {page.title: page.name for page in GUIDE.pages if page.name != INDEX}
    assert listed == titles


def test_every_group_of_controls_has_a_page() -> None:
    for group in GROUPS:
        assert GUIDE.near(f"{group}.nothing_of_the_kind") is not None, group


@pytest.mark.parametrize("page", GUIDE.pages, ids=lambda page: page.name)
def test_headings_of_a_page_differ(page: Page) -> None:
    anchors = [heading.anchor for heading in page.headings]
    assert len(anchors) == len(set(anchors))
    assert page.headings[0].level == 1


def _samples() -> list[str]:
    blocks = [block for page in GUIDE.pages for block in SHELL.findall(page.text)]
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("line", _samples())
def test_every_command_of_the_guide_exists(line: str) -> None:
    program, *words = shlex.split(line)
    assert program == "temper"
    command: click.Command = get_command(app)
    while words:
        word = words.pop(0)
        options = {option for part in command.params for option in part.opts}
        if word.startswith("--"):
            assert word in options, f"{word} of {line}"
            continue
        found = getattr(command, "commands", {}).get(word)
        if found is None:
            assert not hasattr(command, "commands"), f"{word} of {line}"
            continue
        command = found


def test_a_configuration_in_the_guide_can_be_read() -> None:
    import yaml

    from models.domain.config_io import from_dict

    samples = [text for page in GUIDE.pages for text in YAML.findall(page.text)]
    assert samples
    for sample in samples:
        from_dict(yaml.safe_load(sample))


def test_presets_formats_and_exit_codes_are_those_of_the_program() -> None:
    for names in PRESETS.values():
        assert all(f"| {name} |" in _text("presets") for name in names)
    for name, settings in INFERENCE_PRESETS.items():
        heat = "greedy" if settings.temperature == 0 else f"{settings.temperature:.1f}"
        row = f"| {name} | {heat} |"
        assert row in _text("inference")
        assert f"| {settings.max_new_tokens} | {settings.repetition_penalty:g} |" in next(
            line for line in _text("inference").splitlines() if line.startswith(row)
        )
    for format_, columns in FORMAT_COLUMNS.items():
        row = next(
            line for line in _text("datasets").splitlines()
            if line.startswith(f"| {FORMAT_WORDS[format_.value]} |")
        )  # fmt: skip
        assert all(f"`{column}`" in row for column in columns)
    assert f"Exit code {ExitCode.CUDA_OOM.value}," in _text("troubleshooting")


@pytest.mark.spec(
    "For detailed troubleshooting, see the main guide:",
    "[Troubleshooting](troubleshooting.md)",
    "CUDA OOM and exit code 137 for local Docker runs.",
    "HF authentication issues inside containers.",
    "[Troubleshooting](troubleshooting.md) – common training issues.",
)
def test_troubleshooting_tells_of_memory_exit_code_137_hugging_face_and_mistakes() -> None:
    page = GUIDE.page("troubleshooting")
    assert page is not None
    sections = {section.heading.title: section.text for section in page.sections}
    assert "CUDA out of memory" in sections["The GPU ran out of memory"]
    killed = sections["The training was ended from outside (exit code 137)"]
    assert "main memory" in killed
    assert "Docker" in killed
    refused = sections["Hugging Face did not let us in"]
    assert "in a container or not" in refused
    assert GUIDE.follow("targets.md#pass-hf-token-to-container", "troubleshooting")
    assert "Save a setup after its first good run" in sections["Mistakes in a setup"]


@pytest.mark.spec(
    "Start in **Beginner** mode until you've found stable hyperparameters.",
    "Use **Quick local test** for small, rapid experiments.",
    "Use **Auto Set (local)** for first runs on a new GPU.",
    "Use **Packing** when most examples are short to improve throughput.",
    "Keep an eye on logs for early signs of OOM or dataset issues.",
    "[Quick Start Guide](quick-start.md) – overall workflow.",
)
def test_the_quick_start_leads_through_a_training_and_gives_the_tips() -> None:
    page = GUIDE.page("quick-start")
    assert page is not None
    sections = {section.heading.title: section.text for section in page.sections}
    steps = sections["Train on your own data"]
    for part in ("Import", "Training target", "Skill level", "Base model", "Output directory",
                 "Start Local Training", "Quick Local Inference"):  # fmt: skip
        assert part in steps
    tips = sections["Tips"]
    for words in ("Beginner until", "Quick local test is for small, rapid experiments",
                  "Auto Set (local) for first runs on a new GPU", "packing on when most rows",
                  "Look at the log early"):  # fmt: skip
        assert words in tips


@pytest.mark.spec(
    "Designed for users who want guardrails and good defaults.",
    "Meant for users who already know which batch size / grad accum / learning rate they want.",
)
def test_the_guide_says_for_whom_the_skill_levels_are() -> None:
    page = GUIDE.page("presets")
    assert page is not None
    words = " ".join(page.sections[1].text.split())
    assert "Beginner, for guardrails and good defaults" in words
    assert "know which batch size, accumulation and learning rate they want" in words


def test_links_are_followed_from_the_page_they_stand_on() -> None:
    assert GUIDE.follow("datasets.md#formats", "quick-start") == Place("datasets", "formats")
    assert GUIDE.follow("#formats", "datasets") == Place("datasets", "formats")
    assert GUIDE.follow("datasets.md", "quick-start") == Place("datasets")
    assert GUIDE.follow("datasets.md#gone", "quick-start") is None
    assert GUIDE.follow("gone.md", "quick-start") is None


def test_a_control_opens_its_nearest_place() -> None:
    assert GUIDE.find("run.log.filter") == GUIDE.find("run.log")
    assert GUIDE.find("run.nothing") is None
    assert GUIDE.near("run.nothing") == Place("progress")
    assert GUIDE.near("nobody.knows") is None
    assert GUIDE.find("hyperparameters#seed") == GUIDE.find("hp.seed")


def _guide(**pages: str) -> Guide:
    return Guide(tuple(Page(name, text) for name, text in pages.items()))


def test_names_in_rows_are_places_of_their_own_and_code_is_no_heading() -> None:
    text = (
        "# A\n\n## B\n\n| Setting | D |\n| --- | --- |\n| `x.y` | 1 |\n\n"
        "```sh\n# no heading\n`z.z`\n```\n\n### C\n\n`x.z` · default 1\n"
    )
    page = Page("a", text)
    assert [heading.title for heading in page.headings] == ["A", "B", "C"]
    assert page.named == {"x.y": "x.y", "x.z": "c"}
    assert page.chapter("x.y") == page.chapter("c") == "b"
    assert page.chapter("a") == ""


def test_search_wants_all_words_and_puts_titles_first() -> None:
    guide = _guide(
        one="# One\n\nSome words about Memory and rows.\n\n## Other\n\nNothing.\n",
        two="# Memory\n\nSome rows.\n",
    )
    assert [hit.place for hit in guide.search("memory")] == [Place("two", "memory"),
                                                             Place("one", "one")]  # fmt: skip
    assert [hit.title for hit in guide.search("rows words")] == ["One"]
    assert guide.search("  ") == ()
    assert guide.search("xyzzy") == ()


def test_anchors_are_those_of_code_hosts() -> None:
    assert anchor_of("Auto Set (local)") == "auto-set-local"
    assert anchor_of("The training was ended (exit code 137)") == (
        "the-training-was-ended-exit-code-137"
    )
    page = Page("a", "# A\n## B\n## B\n")
    assert [heading.anchor for heading in page.headings] == ["a", "b", "b-1"]


def test_a_missing_page_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("# G\n\n1. [A](a.md)\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        load_guide(tmp_path)


def test_history_goes_back_and_forward() -> None:
    history = PlaceHistory()
    assert history.back() is None
    a, b, c = Place("a"), Place("b"), Place("c")
    for place in (a, b, b):
        history.go(place)
    assert history.back() == a
    assert history.forward() == b
    assert history.back() == a
    history.go(c)
    assert not history.can_go_forward
    assert history.back() == a
