"""What a report says of datasets, and what the trainer makes of them: ``CASES MODEL``.

CASES is a JSON file; each case has ``rows`` (lines), ``format``, ``eval_percent``, ``eval_split``,
``hp`` and ``template`` (or null).
"""

import copy
import json
import sys
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

from trainer_image.contract import DatasetSpec, Hyperparameters, Job
from trainer_image.conversations import RowError
from trainer_image.data import LAST_ANSWER, Recipe
from trainer_image.failures import TrainerError
from trainer_image.prepare import load_dataset, prepare
from trainer_image.report import Report, Split
from trainer_image.row_formats import DatasetFormat
from trainer_image.rows import check_file
from trainer_image.samples import write_samples

own = AutoTokenizer.from_pretrained(sys.argv[2])


def refusal(job: Job, recipe: Recipe, path: Path) -> str:
    """Why the trainer would not begin; nothing where it would."""
    problems = check_file(path, recipe.format)
    if problems:
        return problems[0]
    try:
        dataset = load_dataset(job)
        values = [row.values for row in dataset.rows]
        write_samples(path.with_suffix(".samples"), values, dataset.held_out, dataset.format)
        prepare(dataset, recipe, job)
    except (TrainerError, RowError) as error:
        return str(error)
    return ""


def looked_at(case: dict, folder: Path) -> dict:
    path = folder / "rows.jsonl"
    path.write_bytes(
        "".join(f"{line}\n" for line in case["rows"]).encode("utf-8", "surrogateescape")
    )
    hp = Hyperparameters(**case["hp"])
    tokenizer = own
    if case["template"]:
        tokenizer = copy.deepcopy(own)
        tokenizer.chat_template = case["template"]
    format_ = DatasetFormat(case["format"])
    share = {"eval_percent": case["eval_percent"], "eval_split": case["eval_split"]}
    spec = DatasetSpec(path=str(path), format=format_, **share)
    job = Job(
        run_id="x", base_model=sys.argv[2], dataset=spec, output_directory="/data/outputs/x", hp=hp
    )
    length, every = hp.max_seq_length, hp.train_on == LAST_ANSWER
    recipe = Recipe(tokenizer, format_, length, hp.assistant_only_loss, every)
    found = Report(path, recipe, Split(**share, seed=hp.seed)).run(lambda _one: None, lambda: False)
    majors = sorted({one["code"] for one in found["findings"] if one["severity"] == "major"})
    faulty = {
        code: [[one, count] for one, count in zip(runs[::2], runs[1::2], strict=True)]
        for code, runs in found["faulty"].items()
    }
    counts = {one["code"]: 0 for one in found["findings"]}
    for one in found["findings"]:
        counts[one["code"]] += one["count"]
    return {
        "majors": majors,
        "refusal": refusal(job, recipe, path),
        "faulty": faulty,
        "counts": counts,
        "rows": found["rows"],
    }


with tempfile.TemporaryDirectory() as name:
    cases = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps([looked_at(case, Path(name)) for case in cases]))
