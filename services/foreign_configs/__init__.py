"""Configurations of LLaMA-Factory, Axolotl and Unsloth, read into ours and written from ours.

Field names, defaults and meanings are those of LLaMA-Factory 0.9.5 (``src/llamafactory/hparams``),
Axolotl 0.19.0 (``src/axolotl/utils/schemas``), transformers 5 (``TrainingArguments``, which the
former two pass on to) and Unsloth as of 2026 (``unsloth_cli/config.py`` and, of the Studio,
``yaml-config.ts``, ``model-defaults.ts`` and ``models/training.py``).
"""
