"""What the program and :mod:`trainer_image.export_rows` call the variables that they share."""

WORK_FOLDER_VARIABLE = "TEMPER_IMPORT_FOLDER"
"""Where the Hub's rows may lie while they are printed; whoever set it takes the folder away."""
ENDS_WITH_INPUT_VARIABLE = "TEMPER_ENDS_WITH_INPUT"
"""Set where standard input stays open as long as somebody wants the rows."""
