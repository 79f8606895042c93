"""What Weights & Biases' own reader finds in its record of a run: ``FILE``."""

import json
import sys

from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal.datastore import DataStore

store = DataStore()
store.open_for_scan(sys.argv[1])
losses, config = [], {}
while (data := store.scan_data()) is not None:
    record = wandb_internal_pb2.Record()
    record.ParseFromString(data)
    for item in record.history.item:
        key = item.key or "/".join(item.nested_key)
        if key == "train/loss":
            losses.append(json.loads(item.value_json))
    for item in [*record.run.config.update, *record.config.update]:
        config[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)
print(json.dumps({"losses": losses, "rank": config.get("lora_r")}))
